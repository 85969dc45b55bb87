-- Candidates for lateral movement: someone came in over the network and then something was started.
--   within = 60.0    seconds between the logon and the start on that host
--   limit = 100      rows to return
WITH comings AS MATERIALIZED (
    SELECT * FROM logons
    WHERE NOT failed AND origin NOT IN ('::1', '127.0.0.1', 'localhost', '-')
      AND lower(origin) <> lower(host)
),
-- What ran in the session itself is sure; a service or task that was installed or started is near.
started AS (
    SELECT c.ts AS came, c.host, c.origin, c.account, e.ts, e.action, e.dst, true AS same_session,
           e.source, e.record, e.ordinal
    FROM edges e ASOF JOIN comings c ON c.session_id = e.src AND c.host = e.host AND c.ts <= e.ts
    WHERE e.action = 'start'
    UNION ALL
    SELECT c.ts, c.host, c.origin, c.account, e.ts, e.action, e.dst, false,
           e.source, e.record, e.ordinal
    FROM edges e ASOF JOIN comings c ON c.host = e.host AND c.ts <= e.ts
    WHERE e.action IN ('start', 'install')
      AND e.dst IN (SELECT id FROM entities WHERE type IN ('service', 'task'))
),
told AS (
    SELECT * FROM started
    WHERE ts - came <= to_microseconds(($within * 1000000)::BIGINT)
    -- One record may tell of a start by several edges: the user's and the file's.
    QUALIFY row_number() OVER (PARTITION BY source, record, dst ORDER BY same_session DESC, ordinal)
            = 1
    ORDER BY ts, source, record, ordinal
    LIMIT $limit
)
SELECT t.came, t.origin, t.host, t.account, t.ts, t.action, d.type,
       coalesce(nullif(d.label, ''), d.key) AS what, d.detail AS command, t.dst AS id,
       t.same_session, p.path, p.line
FROM told t LEFT JOIN entities d ON d.id = t.dst LEFT JOIN places p USING (source, record)
ORDER BY t.ts, t.source, t.record, t.ordinal
