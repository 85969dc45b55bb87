-- Scores over time: findings an hour and host, the highest, and how many are alerts.
--   detector = null    only of this detector
--   host = null        only of this host
--   limit = 1000       rows to return
SELECT date_trunc('hour', start) AS hour, host, detector, count(*) AS findings,
       count(*) FILTER (alert) AS alerts, round(max(z), 3) AS z, round(max(score), 3) AS score,
       arg_max(id, (z, score, id)) AS finding, arg_max(title, (z, score, id)) AS title
FROM findings
WHERE ($detector IS NULL OR detector = $detector) AND ($host IS NULL OR host = $host)
GROUP BY ALL
ORDER BY hour, host, detector
LIMIT $limit
