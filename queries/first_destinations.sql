-- Addresses, sockets and domains that were spoken to for the first time lately, and by whom.
--   since = null    UTC time, such as 2024-05-03 or 2024-05-03T12:00:00Z; else the last `days`
--   days = 1.0      days before the newest event
--   limit = 100     rows to return
WITH ends AS MATERIALIZED (
    SELECT id, type, coalesce(nullif(label, ''), key) AS destination FROM entities
    WHERE type IN ('socket', 'address', 'domain')
),
contacts AS (
    SELECT dst AS id, min(ts) AS first_seen, count(DISTINCT host) AS hosts,
           count(DISTINCT src) AS processes, count(*) AS events,
           arg_min((host, src, source, record), (ts, source, record, ordinal)) AS first
    FROM edges
    WHERE action IN ('connect', 'send', 'resolve') AND dst IN (SELECT id FROM ends)
    GROUP BY dst
),
fresh AS (
    SELECT * FROM contacts JOIN ends USING (id)
    WHERE first_seen >= CASE WHEN $since IS NULL
                             THEN (SELECT max(ts) FROM edges) - to_seconds($days * 86400)
                             ELSE utc($since) END
    ORDER BY first_seen, destination, id
    LIMIT $limit
)
SELECT f.type, f.destination, f.first_seen, f.hosts, f.processes, f.events,
       first[1] AS first_host, coalesce(nullif(w.label, ''), w.key) AS first_by,
       first[2] AS first_by_id, p.path, p.line
FROM fresh f LEFT JOIN entities w ON w.id = first[2]
LEFT JOIN places p ON p.source = first[3] AND p.record = first[4]
ORDER BY f.first_seen, f.destination, f.id
