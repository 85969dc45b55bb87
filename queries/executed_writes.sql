-- Files that were written and then run: who wrote them, who ran them, how much later.
--   host = null        only on this host
--   within = 86400.0   seconds between the write and the run
--   limit = 200        rows to return
WITH runs AS (
    SELECT src AS file, dst AS runner, ts, host, source, record, ordinal
    FROM edges WHERE action IN ('exec', 'load') AND ($host IS NULL OR host = $host)
),
writes AS (
    SELECT dst AS file, src AS writer, action, ts
    FROM edges
    WHERE action IN ('write', 'create', 'rename', 'link') AND dst IN (SELECT file FROM runs)
),
-- Of several writes before a run the last one counts; of those at one moment any of the smallest id.
last AS (
    SELECT r.file, r.runner, r.host, w.writer, w.action, w.ts AS written, r.ts AS run,
           r.source, r.record, r.ordinal
    FROM runs r ASOF JOIN (SELECT file, ts, min(writer) AS writer, arg_min(action, writer) AS action
                           FROM writes GROUP BY file, ts) w
      ON w.file = r.file AND w.ts <= r.ts
    WHERE r.ts - w.ts <= to_microseconds(($within * 1000000)::BIGINT)
),
firsts AS (
    SELECT file, writer, action AS how, host, runner, min(written) AS written, min(run) AS run,
           count(*) AS runs, arg_min((source, record), (run, source, record, ordinal)) AS place
    FROM last GROUP BY ALL
    ORDER BY run, file, writer, runner, how
    LIMIT $limit
)
SELECT f.run AS ts, f.host, coalesce(nullif(x.label, ''), x.key) AS file, how,
       coalesce(nullif(w.label, ''), w.key) AS writer, w.type AS writer_type, f.writer AS writer_id,
       f.written, epoch(f.run - f.written) AS seconds,
       coalesce(nullif(r.label, ''), r.key) AS runner, r.detail AS command, f.runner AS runner_id,
       f.runs, p.path, p.line
FROM firsts f
LEFT JOIN entities x ON x.id = f.file
LEFT JOIN entities w ON w.id = f.writer
LEFT JOIN entities r ON r.id = f.runner
LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY ts, f.file, f.writer, f.runner, how
