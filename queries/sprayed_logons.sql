-- Sources that failed to log on to many accounts within an hour: passwords tried on all of them.
--   accounts = 5     at least so many accounts
--   limit = 100      rows to return
SELECT origin, date_trunc('hour', ts) AS hour, count(DISTINCT account) AS accounts,
       count(*) AS failures, count(DISTINCT host) AS hosts,
       list(DISTINCT account ORDER BY account)[:5] AS examples,
       min(ts) AS first_seen, max(ts) AS last_seen
FROM logons
WHERE failed
GROUP BY origin, hour
HAVING count(DISTINCT account) >= $accounts
ORDER BY accounts DESC, hour, origin
LIMIT $limit
