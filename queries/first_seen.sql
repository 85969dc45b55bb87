-- Programs that ran for the first time lately, and on how many hosts.
--   since = null    UTC time, such as 2024-05-03 or 2024-05-03T12:00:00Z; else the last `days`
--   days = 1.0      days before the newest event
--   limit = 100     rows to return
WITH processes AS MATERIALIZED (
    SELECT id, name AS program, coalesce(nullif(detail, ''), nullif(label, ''), key) AS example
    FROM entities WHERE type = 'process'
),
runs AS (
    SELECT src AS id, false AS launched, host, ts, source, record, ordinal FROM edges
    UNION ALL
    SELECT dst, action IN ('launch', 'exec'), host, ts, source, record, ordinal FROM edges
),
lives AS (
    SELECT id, host, min(ts) AS ts, count(*) FILTER (launched) AS launches
    FROM runs WHERE id IN (SELECT id FROM processes)
    GROUP BY id, host
),
programs AS (
    SELECT program, min(ts) AS first_seen, count(DISTINCT host) AS hosts,
           sum(launches)::BIGINT AS launches
    FROM lives JOIN processes USING (id)
    GROUP BY program
),
start AS (
    SELECT CASE WHEN $since IS NULL
                THEN (SELECT max(ts) FROM edges) - to_seconds($days * 86400)
                ELSE utc($since) END AS ts
),
fresh AS MATERIALIZED (
    SELECT * FROM programs
    WHERE first_seen >= (SELECT start.ts FROM start)
    ORDER BY first_seen, program
    LIMIT $limit
),
-- Where each of them was seen first.
firsts AS (
    SELECT f.program, arg_min((r.host, example, source, record),
                              (r.ts, source, record, ordinal)) AS first
    FROM (SELECT id, program, example, first_seen FROM fresh JOIN processes USING (program)) f
    JOIN runs r ON r.id = f.id AND r.ts = f.first_seen
    GROUP BY f.program
)
SELECT f.*, first[1] AS first_host, first[2] AS example, p.path, p.line
FROM fresh f JOIN firsts USING (program)
LEFT JOIN places p ON p.source = first[3] AND p.record = first[4]
ORDER BY first_seen, program
