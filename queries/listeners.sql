-- Programs that listen or take connections, and where.
--   host = null     only on this host
--   limit = 200     rows to return
WITH takes AS (
    SELECT host, src AS process, dst AS socket, 'bind' AS action, ts FROM edges
    WHERE action = 'bind' AND ($host IS NULL OR host = $host)
    UNION ALL
    SELECT host, dst, src, 'accept', ts FROM edges
    WHERE action = 'accept' AND ($host IS NULL OR host = $host)
)
SELECT t.host, g.name AS program, action,
       coalesce(nullif(f.label, ''), f.key) AS socket, count(DISTINCT g.id) AS processes,
       count(*) AS events, min(ts) AS first_seen, max(ts) AS last_seen
FROM takes t
JOIN entities g ON g.id = t.process AND g.type = 'process'
LEFT JOIN entities f ON f.id = t.socket
GROUP BY ALL
ORDER BY first_seen, program, action, socket, t.host
LIMIT $limit
