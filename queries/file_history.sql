-- What became of a file, module or registry key: who wrote, read, ran, renamed or deleted it.
--   file            its entity id, or text that its path contains
--   host = null     only on this host
--   limit = 200     rows to return
WITH files AS MATERIALIZED (
    SELECT id, coalesce(nullif(label, ''), key) AS name FROM entities
    WHERE type IN ('file', 'module', 'registry', 'pipe')
      AND (id::VARCHAR = $file
           OR contains(lower(coalesce(nullif(label, ''), key)), lower($file)))
),
acts AS (
    SELECT dst AS file, src AS other, e.* EXCLUDE (src, dst) FROM edges e
    WHERE dst IN (SELECT id FROM files) AND ($host IS NULL OR host = $host)
    UNION ALL
    SELECT src, dst, e.* EXCLUDE (src, dst) FROM edges e
    WHERE src IN (SELECT id FROM files) AND dst NOT IN (SELECT id FROM files)
      AND ($host IS NULL OR host = $host)
),
grouped AS (
    SELECT host, file, action, other, outcome, count(*) AS events, min(ts) AS first_seen,
           max(ts) AS last_seen, arg_min((source, record), (ts, source, record, ordinal)) AS place
    FROM acts GROUP BY ALL
    ORDER BY first_seen, file, action, other, host, outcome
    LIMIT $limit
)
SELECT g.first_seen, g.last_seen, g.host, f.name, g.action, g.outcome, o.type,
       coalesce(nullif(o.label, ''), o.key) AS who, o.detail AS command, g.other AS id, g.events,
       p.path, p.line
FROM grouped g JOIN files f ON f.id = g.file
LEFT JOIN entities o ON o.id = g.other
LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY g.first_seen, g.file, g.action, g.other, g.host, g.outcome
