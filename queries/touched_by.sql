-- What a process touched: files, addresses, registry keys, other processes; oldest first.
--   process         its entity id, or text that its label or name contains
--   host = null     only on this host
--   limit = 200     rows to return
WITH touches AS (
    SELECT src_id AS process_id, src AS process, src_name AS name, host, action,
           dst_type AS type, dst AS touched, ts, source, record, ordinal, path, line
    FROM events
    WHERE src_type = 'process'
    UNION ALL
    -- What it read flowed to it. What another process did to it is that one's touch.
    SELECT dst_id, dst, dst_name, host, action,
           src_type, src, ts, source, record, ordinal, path, line
    FROM events
    WHERE dst_type = 'process' AND src_type IS DISTINCT FROM 'process'
),
grouped AS (
    SELECT process, process_id, host, action, type, touched, count(*) AS events,
           min(ts) AS first_seen, max(ts) AS last_seen,
           arg_min((path, line), (ts, source, record, ordinal)) AS place
    FROM touches
    WHERE ($host IS NULL OR host = $host)
      AND (process_id::VARCHAR = $process
           OR contains(lower(process), lower($process))
           OR contains(lower(name), lower($process)))
    GROUP BY process, process_id, host, action, type, touched
)
SELECT * EXCLUDE (place), place[1] AS path, place[2] AS line
FROM grouped
ORDER BY first_seen, process_id, action, type, touched
LIMIT $limit
