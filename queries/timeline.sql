-- What happened, event by event in the order of time.
--   host = null      only on this host
--   since = null     UTC time from which on
--   until = null     UTC time until which, not counted in
--   entity = null    only events of this entity: its id
--   limit = 200      rows to return
WITH chosen AS (
    SELECT * FROM edges
    WHERE ($host IS NULL OR host = $host)
      AND ($since IS NULL OR ts >= utc($since)) AND ($until IS NULL OR ts < utc($until))
      AND ($entity IS NULL OR src = try_cast($entity AS BIGINT) OR dst = try_cast($entity AS BIGINT))
    ORDER BY ts, source, record, ordinal
    LIMIT $limit
)
SELECT c.ts, c.host, s.type AS src_type, coalesce(nullif(s.label, ''), s.key) AS src, c.action,
       d.type AS dst_type, coalesce(nullif(d.label, ''), d.key) AS dst, c.outcome,
       CASE WHEN c.action IN ('launch', 'exec', 'start') THEN d.detail END AS command,
       c.src AS src_id, c.dst AS dst_id, p.path, p.line
FROM chosen c
LEFT JOIN entities s ON s.id = c.src
LEFT JOIN entities d ON d.id = c.dst
LEFT JOIN places p USING (source, record)
ORDER BY c.ts, c.source, c.record, c.ordinal
