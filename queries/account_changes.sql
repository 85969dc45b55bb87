-- Changes to users, hosts, services, tasks and shares: settings and rights, and by whom.
--   host = null     only on this host
--   since = null    UTC time from which on
--   limit = 200     rows to return
WITH changes AS MATERIALIZED (
    SELECT * FROM edges
    WHERE action IN ('change', 'install')
      AND ($host IS NULL OR host = $host) AND ($since IS NULL OR ts >= utc($since))
    ORDER BY ts, source, record, ordinal
    LIMIT $limit
)
SELECT c.ts, c.host, s.type AS who_type, coalesce(nullif(s.label, ''), s.key) AS who, c.action,
       d.type, coalesce(nullif(d.label, ''), d.key) AS what, r.action AS said, c.outcome, p.path,
       r.line
FROM changes c
LEFT JOIN entities s ON s.id = c.src
LEFT JOIN entities d ON d.id = c.dst
LEFT JOIN (FROM records SEMI JOIN changes USING (source, record)) r USING (source, record)
LEFT JOIN sources p USING (source)
ORDER BY c.ts, c.source, c.record, c.ordinal
