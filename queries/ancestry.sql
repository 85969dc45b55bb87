-- Who started a process, who started that one, and so on up; and all that it started, down.
--   process            its entity id
--   generations = 20   how far up and down
--   limit = 1000       rows to return
WITH kin AS (
    SELECT id, -generation AS generation, ts, source, record
    FROM ancestors(try_cast($process AS BIGINT), generations := $generations)
    UNION ALL
    SELECT id, generation, ts, source, record
    FROM descendants(try_cast($process AS BIGINT), generations := $generations)
    WHERE generation > 0
)
SELECT k.generation, k.ts, e.host, coalesce(nullif(e.label, ''), e.key) AS process,
       e.detail AS command, k.id, p.path, p.line
FROM kin k JOIN entities e USING (id) LEFT JOIN places p USING (source, record)
ORDER BY k.generation, k.ts NULLS FIRST, k.id
LIMIT $limit
