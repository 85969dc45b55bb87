-- Files that ran and were deleted afterwards: traces that were removed.
--   host = null     only on this host
--   limit = 100     rows to return
WITH runs AS (
    SELECT src AS file, host, ts, dst AS runner FROM edges
    WHERE action IN ('exec', 'load') AND ($host IS NULL OR host = $host)
),
deletions AS (
    SELECT dst AS file, src AS deleter, ts, source, record, ordinal FROM edges
    WHERE action = 'delete' AND outcome IS DISTINCT FROM 'failure'
      AND dst IN (SELECT file FROM runs)
),
found AS (
    SELECT d.file, d.deleter, d.ts, r.runner, r.ts AS run, r.host, d.source, d.record, d.ordinal
    FROM deletions d ASOF JOIN (SELECT file, ts, min(host) AS host, min(runner) AS runner
                                FROM runs GROUP BY file, ts) r
      ON r.file = d.file AND r.ts <= d.ts
    ORDER BY d.ts, d.source, d.record, d.ordinal
    LIMIT $limit
)
SELECT f.ts, f.host, coalesce(nullif(x.label, ''), x.key) AS file, f.run,
       coalesce(nullif(r.label, ''), r.key) AS runner, f.runner AS runner_id,
       coalesce(nullif(w.label, ''), w.key) AS deleter, f.deleter AS deleter_id, p.path, p.line
FROM found f
LEFT JOIN entities x ON x.id = f.file
LEFT JOIN entities r ON r.id = f.runner
LEFT JOIN entities w ON w.id = f.deleter
LEFT JOIN places p USING (source, record)
ORDER BY f.ts, f.source, f.record, f.ordinal
