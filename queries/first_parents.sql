-- Pairs of parent and child programs that appeared for the first time lately.
--   since = null    UTC time, such as 2024-05-03 or 2024-05-03T12:00:00Z; else the last `days`
--   days = 1.0      days before the newest event
--   limit = 100     rows to return
WITH processes AS MATERIALIZED (
    SELECT id, name, coalesce(nullif(detail, ''), nullif(label, ''), key) AS example
    FROM entities WHERE type = 'process'
),
pairs AS (
    SELECT p.name AS parent, c.name AS child, min(ts) AS first_seen,
           count(DISTINCT host) AS hosts, count(*) AS launches,
           arg_min((host, c.example, source, record), (ts, source, record, ordinal)) AS first
    FROM edges JOIN processes p ON p.id = src JOIN processes c ON c.id = dst
    WHERE action IN ('launch', 'exec') AND src <> dst
    GROUP BY p.name, c.name
),
fresh AS (
    SELECT * FROM pairs
    WHERE first_seen >= CASE WHEN $since IS NULL
                             THEN (SELECT max(ts) FROM edges) - to_seconds($days * 86400)
                             ELSE utc($since) END
    ORDER BY first_seen, parent, child
    LIMIT $limit
)
SELECT f.* EXCLUDE (first), first[1] AS first_host, first[2] AS example, p.path, p.line
FROM fresh f LEFT JOIN places p ON p.source = first[3] AND p.record = first[4]
ORDER BY first_seen, parent, child
