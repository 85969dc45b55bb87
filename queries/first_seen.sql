-- Programs that ran for the first time lately, and on how many hosts.
--   since = null    UTC time, such as 2024-05-03 or 2024-05-03T12:00:00; else the last `days`
--   days = 1.0      days before the newest event
--   limit = 100     rows to return
WITH runs AS (
    SELECT src_name AS program, src AS label, src_detail AS detail, false AS launched,
           host, ts, source, record, ordinal, path, line
    FROM events WHERE src_type = 'process'
    UNION ALL
    SELECT dst_name, dst, dst_detail, action IN ('launch', 'exec'),
           host, ts, source, record, ordinal, path, line
    FROM events WHERE dst_type = 'process'
),
programs AS (
    SELECT program, min(ts) AS first_seen, count(DISTINCT host) AS hosts,
           count(*) FILTER (launched) AS launches,
           arg_min((host, coalesce(nullif(detail, ''), label), path, line),
                   (ts, source, record, ordinal)) AS first
    FROM runs
    GROUP BY program
),
start AS (
    SELECT CASE WHEN $since IS NULL
                THEN (SELECT max(ts) FROM edges) - to_seconds($days * 86400)
                ELSE CAST($since AS TIMESTAMP) END AS ts
)
SELECT * EXCLUDE (first), first[1] AS first_host, first[2] AS example,
       first[3] AS path, first[4] AS line
FROM programs
WHERE first_seen >= (SELECT start.ts FROM start)
ORDER BY first_seen, program
LIMIT $limit
