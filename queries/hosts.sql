-- What there is of each host: events, processes, users and the time they span.
--   limit = 200     rows to return
WITH ends AS (
    SELECT host, src AS id FROM edges UNION SELECT host, dst FROM edges
),
kinds AS (
    SELECT e.host, count(*) FILTER (n.type = 'process') AS processes,
           count(*) FILTER (n.type = 'user') AS users, count(*) FILTER (n.type = 'file') AS files,
           count(*) FILTER (n.type IN ('socket', 'address', 'domain')) AS addresses
    FROM ends e JOIN entities n USING (id) GROUP BY e.host
),
times AS (
    SELECT host, count(*) AS events, min(ts) AS first_seen, max(ts) AS last_seen,
           count(DISTINCT source) AS sources
    FROM edges GROUP BY host
)
SELECT * FROM times LEFT JOIN kinds USING (host)
ORDER BY events DESC, host
LIMIT $limit
