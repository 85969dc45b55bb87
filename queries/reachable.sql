-- Where information of an entity could have got to, forward in time; the nearest first.
--   entity          its entity id
--   hops = 4        events on the way at most
--   since = null    UTC time from which on
--   until = null    UTC time until which, not counted in
--   limit = 200     rows to return
WITH reached AS (
    SELECT * FROM reach(try_cast($entity AS BIGINT), hops := $hops, since := $since, until := $until)
)
SELECT r.hop, r.ts, e.type, e.host, coalesce(nullif(e.label, ''), e.key) AS name,
       e.detail AS command, r.id, coalesce(nullif(v.label, ''), v.key) AS via, r.via AS via_id
FROM reached r JOIN entities e ON e.id = r.id LEFT JOIN entities v ON v.id = r.via
ORDER BY r.hop, r.ts NULLS FIRST, r.id
LIMIT $limit
