-- Parent and child programs that were seldom seen together, with the first example of each pair.
--   at_most = 5     only pairs launched no more often than this
--   limit = 50      rows to return
WITH processes AS MATERIALIZED (
    SELECT id, name, coalesce(nullif(detail, ''), nullif(label, ''), key) AS example
    FROM entities WHERE type = 'process'
),
pairs AS (
    SELECT p.name AS parent, c.name AS child, count(*) AS launches,
           count(DISTINCT host) AS hosts,
           sum(count(*)) OVER (PARTITION BY c.name)::BIGINT AS child_launches,
           min(ts) AS first_seen,
           arg_min((c.example, source, record), (ts, source, record, ordinal)) AS first
    FROM edges JOIN processes p ON p.id = src JOIN processes c ON c.id = dst
    WHERE action = 'launch'
    GROUP BY p.name, c.name
),
rare AS (
    SELECT * FROM pairs
    WHERE launches <= $at_most
    ORDER BY launches, hosts, first_seen, parent, child
    LIMIT $limit
)
SELECT r.* EXCLUDE (first), first[1] AS example, p.path, p.line
FROM rare r LEFT JOIN places p ON p.source = first[2] AND p.record = first[3]
ORDER BY launches, hosts, first_seen, parent, child
