-- Addresses, sockets and domains that few hosts and programs spoke to, from the counts of days.
--   hosts = 1       at most so many hosts
--   at_most = 5     at most so many events
--   limit = 100     rows to return
SELECT dst_type AS type, dst_name AS destination, count(DISTINCT host) AS hosts,
       count(DISTINCT src_name) AS programs, sum(n)::BIGINT AS events,
       count(DISTINCT day) AS days, min(day) AS first_day, min(host) AS host,
       min(src_name) AS program
FROM counts
WHERE action IN ('connect', 'send', 'resolve') AND dst_type IN ('socket', 'address', 'domain')
GROUP BY dst_type, dst_name
HAVING count(DISTINCT host) <= $hosts AND sum(n) <= $at_most
ORDER BY events, programs, destination, type
LIMIT $limit
