-- Parent and child programs that were seldom seen together, with the first example of each pair.
--   at_most = 5     only pairs launched no more often than this
--   limit = 50      rows to return
WITH pairs AS (
    SELECT src_name AS parent, dst_name AS child, count(*) AS launches,
           count(DISTINCT host) AS hosts,
           sum(count(*)) OVER (PARTITION BY dst_name)::BIGINT AS child_launches,
           min(ts) AS first_seen,
           arg_min((coalesce(nullif(dst_detail, ''), dst), path, line),
                   (ts, source, record, ordinal)) AS first
    FROM events
    WHERE action = 'launch' AND src_type = 'process' AND dst_type = 'process'
    GROUP BY src_name, dst_name
)
SELECT * EXCLUDE (first), first[1] AS example, first[2] AS path, first[3] AS line
FROM pairs
WHERE launches <= $at_most
ORDER BY launches, hosts, first_seen, parent, child
LIMIT $limit
