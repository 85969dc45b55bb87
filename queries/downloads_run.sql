-- Downloads that were then run: a process spoke to the network, wrote a file, and the file was run.
--   host = null        only on this host
--   within = 3600.0    seconds between speaking and writing, and between writing and running
--   limit = 200        rows to return
WITH ends AS MATERIALIZED (
    SELECT id, coalesce(nullif(label, ''), key) AS far FROM entities
    WHERE type IN ('socket', 'address', 'domain')
),
talks AS (
    SELECT src AS process, dst AS far, ts FROM edges
    WHERE action IN ('connect', 'send', 'resolve') AND dst IN (SELECT id FROM ends)
    UNION ALL
    SELECT dst, src, ts FROM edges
    WHERE action IN ('receive', 'accept') AND src IN (SELECT id FROM ends)
),
runs AS (
    SELECT src AS file, dst AS runner, ts AS run, host, source, record, ordinal
    FROM edges WHERE action IN ('exec', 'load') AND ($host IS NULL OR host = $host)
),
writes AS (
    SELECT w.dst AS file, w.src AS writer, w.ts AS written, t.far, t.ts AS talked
    FROM edges w ASOF JOIN (SELECT process, ts, min(far) AS far FROM talks GROUP BY process, ts) t
      ON t.process = w.src AND t.ts <= w.ts
    WHERE w.action IN ('write', 'create', 'rename') AND w.dst IN (SELECT file FROM runs)
      AND w.ts - t.ts <= to_microseconds(($within * 1000000)::BIGINT)
),
found AS (
    SELECT r.file, w.writer, w.far, r.host, r.runner, min(w.talked) AS talked,
           min(w.written) AS written, min(r.run) AS run,
           arg_min((source, record), (run, source, record, ordinal)) AS place
    FROM runs r ASOF JOIN (SELECT file, written, min(writer) AS writer,
                                  arg_min(far, (writer, far)) AS far,
                                  arg_min(talked, (writer, far)) AS talked
                           FROM writes GROUP BY file, written) w
      ON w.file = r.file AND w.written <= r.run
    WHERE r.run - w.written <= to_microseconds(($within * 1000000)::BIGINT)
    GROUP BY r.file, w.writer, w.far, r.host, r.runner
    ORDER BY run, r.file, w.writer, r.runner, w.far
    LIMIT $limit
)
SELECT f.run AS ts, f.host, e.far AS address, f.talked,
       coalesce(nullif(w.label, ''), w.key) AS writer, f.writer AS writer_id, f.written,
       coalesce(nullif(x.label, ''), x.key) AS file,
       coalesce(nullif(r.label, ''), r.key) AS runner, r.detail AS command, f.runner AS runner_id,
       p.path, p.line
FROM found f
LEFT JOIN ends e ON e.id = f.far
LEFT JOIN entities x ON x.id = f.file
LEFT JOIN entities w ON w.id = f.writer
LEFT JOIN entities r ON r.id = f.runner
LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY ts, f.file, f.writer, f.runner, f.far
