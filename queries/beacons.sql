-- Connections at regular intervals, as of a program that calls home: most regular first.
--   at_least = 8      events of a program and a destination
--   jitter = 0.25     largest deviation of the intervals, as a share of their mean
--   shortest = 5.0    smallest mean interval in seconds
--   limit = 50        rows to return
WITH ends AS MATERIALIZED (
    SELECT id, coalesce(nullif(label, ''), key) AS destination FROM entities
    WHERE type IN ('socket', 'address', 'domain')
),
processes AS MATERIALIZED (SELECT id, name AS program FROM entities WHERE type = 'process'),
-- Several events of one second are one contact.
contacts AS (
    SELECT host, program, dst, date_trunc('second', ts) AS ts, count(*) AS events
    FROM edges JOIN processes ON id = src
    WHERE action IN ('connect', 'send', 'resolve') AND dst IN (SELECT id FROM ends)
    GROUP BY ALL
),
spaced AS (
    SELECT *, epoch(ts - lag(ts) OVER (PARTITION BY host, program, dst ORDER BY ts)) AS gap
    FROM contacts
)
SELECT host, program, destination, sum(events)::BIGINT AS events, min(ts) AS first_seen,
       max(ts) AS last_seen, round(avg(gap), 3) AS interval_s,
       round(stddev_pop(gap) / avg(gap), 4) AS jitter
FROM spaced JOIN ends ON id = dst
GROUP BY host, program, dst, destination
HAVING count(*) >= $at_least AND avg(gap) >= $shortest
   AND stddev_pop(gap) <= $jitter * avg(gap)
ORDER BY jitter, events DESC, host, program, destination
LIMIT $limit
