-- Records that could not be used: how many of each source, why, and where the first one is.
--   source = null   only sources whose path contains this text
--   limit = 200     rows to return
WITH reasons AS (
    SELECT s.path, s.format, r.reason, count(*) AS records,
           round(100.0 * count(*) / nullif(s.read, 0), 3) AS percent,
           arg_min((r.line, r."offset", r.length), r.record) AS first
    FROM rejects r LEFT JOIN sources s USING (source)
    WHERE $source IS NULL OR contains(s.path, $source)
    GROUP BY r.source, s.path, s.format, s.read, r.reason
)
SELECT * EXCLUDE (first), first[1] AS line, first[2] AS "offset", first[3] AS length
FROM reasons
ORDER BY records DESC, path, reason
LIMIT $limit
