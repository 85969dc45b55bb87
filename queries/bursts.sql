-- Processes that wrote, renamed or deleted many files within a minute, as ransomware does.
--   at_least = 50    files in one minute
--   limit = 100      rows to return
WITH files AS (SELECT id FROM entities WHERE type = 'file'),
minutes AS (
    SELECT host, src, date_trunc('minute', ts) AS minute, count(DISTINCT dst) AS files,
           count(*) FILTER (action IN ('write', 'create')) AS written,
           count(*) FILTER (action = 'rename') AS renamed,
           count(*) FILTER (action = 'delete') AS deleted
    FROM edges
    WHERE action IN ('write', 'create', 'rename', 'delete') AND dst IN (SELECT id FROM files)
    GROUP BY host, src, minute
    HAVING count(DISTINCT dst) >= $at_least
    ORDER BY files DESC, minute, src
    LIMIT $limit
)
SELECT m.minute, m.host, coalesce(nullif(s.label, ''), s.key) AS who, s.detail AS command,
       m.src AS id, m.files, m.written, m.renamed, m.deleted
FROM minutes m LEFT JOIN entities s ON s.id = m.src
ORDER BY m.files DESC, m.minute, m.src
