-- Logons by host, source and kind: how many succeeded and failed, and of how many accounts.
--   host = null      only on this host
--   account = null   only of accounts whose name contains this
--   limit = 200      rows to return
SELECT l.host, l.origin, r.logon_type, count(*) FILTER (NOT l.failed) AS succeeded,
       count(*) FILTER (l.failed) AS failures, count(DISTINCT account) AS accounts,
       CASE WHEN count(DISTINCT account) = 1 THEN min(account) END AS account,
       min(l.ts) AS first_seen, max(l.ts) AS last_seen
FROM logons l LEFT JOIN records r USING (source, record)
WHERE ($host IS NULL OR l.host = $host)
  AND ($account IS NULL OR contains(lower(account), lower($account)))
GROUP BY l.host, l.origin, r.logon_type
ORDER BY count(*) DESC, l.host, l.origin, r.logon_type
LIMIT $limit
