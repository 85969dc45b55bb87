-- Who spoke with an address, socket or domain: the processes, and how often.
--   address         its entity id, or text that it contains
--   host = null     only from this host
--   limit = 200     rows to return
WITH ends AS MATERIALIZED (
    SELECT id, type, coalesce(nullif(label, ''), key) AS address FROM entities
    WHERE type IN ('socket', 'address', 'domain', 'host')
      AND (id::VARCHAR = $address
           OR contains(lower(coalesce(nullif(label, ''), key)), lower($address)))
),
talks AS (
    SELECT dst AS far, src AS near, e.* EXCLUDE (src, dst) FROM edges e
    WHERE dst IN (SELECT id FROM ends) AND ($host IS NULL OR host = $host)
    UNION ALL
    SELECT src, dst, e.* EXCLUDE (src, dst) FROM edges e
    WHERE src IN (SELECT id FROM ends) AND ($host IS NULL OR host = $host)
),
grouped AS (
    SELECT host, near, far, action, count(*) AS events, min(ts) AS first_seen,
           max(ts) AS last_seen, arg_min((source, record), (ts, source, record, ordinal)) AS place
    FROM talks GROUP BY host, near, far, action
    ORDER BY first_seen, near, far, action, host
    LIMIT $limit
)
SELECT g.host, n.type, coalesce(nullif(n.label, ''), n.key) AS who, n.detail AS command, g.near AS id,
       g.action, f.address, g.events, g.first_seen, g.last_seen, p.path, p.line
FROM grouped g LEFT JOIN ends f ON f.id = g.far
LEFT JOIN entities n ON n.id = g.near
LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY g.first_seen, g.near, g.far, g.action, g.host
