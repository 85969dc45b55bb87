-- Programs that were launched on few hosts and seldom, from the counts of days.
--   hosts = 1       on at most so many hosts
--   at_most = 5     at most so many launches
--   limit = 100     rows to return
SELECT dst_name AS program, count(DISTINCT host) AS hosts, sum(n)::BIGINT AS launches,
       count(DISTINCT day) AS days, min(day) AS first_day, max(day) AS last_day,
       min(host) AS host, min(src_name) AS parent, min(nullif(shape, '')) AS command
FROM counts
WHERE action IN ('launch', 'exec') AND dst_type = 'process' AND src_type = 'process'
GROUP BY dst_name
HAVING count(DISTINCT host) <= $hosts AND sum(n) <= $at_most
ORDER BY launches, hosts, program
LIMIT $limit
