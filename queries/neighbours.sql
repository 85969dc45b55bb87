-- All that an entity had to do with: from whom and to whom what flowed, how often, first and last.
--   entity          its entity id
--   limit = 500     rows to return, those with most events
WITH near AS (
    SELECT true AS out, dst AS other, e.* FROM edges e WHERE src = try_cast($entity AS BIGINT)
    UNION ALL
    SELECT false, src, e.* FROM edges e
    WHERE dst = try_cast($entity AS BIGINT) AND src <> dst
),
grouped AS (
    SELECT out, action, other, count(*) AS events, min(ts) AS first_seen, max(ts) AS last_seen,
           count(*) FILTER (outcome = 'failure') AS failed,
           arg_min((source, record), (ts, source, record, ordinal)) AS place
    FROM near GROUP BY out, action, other
    ORDER BY events DESC, first_seen, out, action, other
    LIMIT $limit
)
SELECT CASE WHEN g.out THEN 'to' ELSE 'from' END AS direction, g.action, o.type,
       coalesce(nullif(o.label, ''), o.key) AS name, o.host, o.detail AS command, g.other AS id,
       g.events, g.failed, g.first_seen, g.last_seen, p.path, p.line
FROM grouped g LEFT JOIN entities o ON o.id = g.other
LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY g.first_seen, g.out, g.action, g.other
