-- What there is of each host, hour by hour; a stretch without a record is one row marked as a gap.
--   host = null     only this host
--   limit = 1000    rows to return
WITH hourly AS (
    SELECT host, date_trunc('hour', ts) AS hour, sum(records) AS records, sum(edges) AS edges
    FROM (
        SELECT host, ts, 1 AS records, 0 AS edges FROM records
        UNION ALL
        SELECT host, ts, 0, 1 FROM edges
    )
    WHERE $host IS NULL OR host = $host
    GROUP BY ALL
),
spaced AS (
    SELECT *, date_diff('hour', hour, lead(hour) OVER (PARTITION BY host ORDER BY hour)) AS step
    FROM hourly
)
SELECT host, hour, 1 AS hours, records::BIGINT AS records, edges::BIGINT AS edges, false AS gap
FROM spaced
UNION ALL
SELECT host, hour + INTERVAL 1 HOUR, step - 1, 0, 0, true
FROM spaced WHERE step > 1
ORDER BY host, hour
LIMIT $limit
