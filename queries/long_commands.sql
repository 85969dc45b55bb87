-- The longest command lines, each once.
--   at_least = 300    characters
--   limit = 50        rows to return
WITH long AS (
    SELECT detail AS command, length(detail) AS characters, count(*) AS processes,
           min(coalesce(nullif(label, ''), key)) AS program, min(id) AS id
    FROM entities
    WHERE type = 'process' AND length(detail) >= $at_least
    GROUP BY detail
    ORDER BY characters DESC, command
    LIMIT $limit
),
seen AS (
    SELECT id, min(ts) AS first_seen, min(host) AS host FROM (
        SELECT src AS id, ts, host FROM edges WHERE src IN (SELECT id FROM long)
        UNION ALL
        SELECT dst, ts, host FROM edges WHERE dst IN (SELECT id FROM long))
    GROUP BY id
)
SELECT first_seen, host, program, characters, processes, id, command
FROM long LEFT JOIN seen USING (id)
ORDER BY characters DESC, command
