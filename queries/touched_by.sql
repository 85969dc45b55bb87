-- What a process touched: files, addresses, registry keys, other processes; oldest first.
--   process         its entity id, or text that its label or name contains
--   host = null     only on this host
--   limit = 200     rows to return
WITH chosen AS MATERIALIZED (
    SELECT id, coalesce(nullif(label, ''), key) AS process
    FROM entities
    WHERE type = 'process'
      AND (id::VARCHAR = $process
           OR contains(lower(coalesce(nullif(label, ''), key)), lower($process))
           OR contains(lower(name), lower($process)))
),
touches AS (
    SELECT id AS process_id, process, dst AS other, true AS acted, e.* EXCLUDE (src, dst)
    FROM edges e JOIN chosen ON id = src
    WHERE $host IS NULL OR host = $host
    UNION ALL
    SELECT id, process, src, false, e.* EXCLUDE (src, dst)
    FROM edges e JOIN chosen ON id = dst
    WHERE $host IS NULL OR host = $host
),
grouped AS (
    SELECT process, process_id, t.host, action, o.type,
           coalesce(nullif(o.label, ''), o.key) AS touched, count(*) AS events,
           min(ts) AS first_seen, max(ts) AS last_seen,
           arg_min((source, record), (ts, source, record, ordinal)) AS place
    FROM touches t LEFT JOIN entities o ON o.id = other
    -- What it read flowed to it. What another process did to it is that one's touch.
    WHERE acted OR o.type IS DISTINCT FROM 'process'
    GROUP BY ALL
    ORDER BY first_seen, process_id, action, type, touched
    LIMIT $limit
)
SELECT g.* EXCLUDE (place), p.path, p.line
FROM grouped g LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY first_seen, process_id, action, type, touched
