-- Processes that reached into others: injected, opened, debugged or signalled them.
--   host = null     only on this host
--   limit = 200     rows to return
WITH pairs AS (
    SELECT host, action, src, dst, count(*) AS events, min(ts) AS first_seen,
           arg_min((source, record), (ts, source, record, ordinal)) AS place
    FROM edges
    WHERE action IN ('inject', 'access', 'signal') AND src <> dst
      AND ($host IS NULL OR host = $host)
    GROUP BY host, action, src, dst
),
named AS (
    SELECT x.*, coalesce(nullif(s.label, ''), s.key) AS who, s.name AS who_name, s.detail AS command,
           coalesce(nullif(d.label, ''), d.key) AS target, d.name AS target_name
    FROM pairs x
    JOIN entities s ON s.id = x.src AND s.type = 'process'
    JOIN entities d ON d.id = x.dst AND d.type = 'process'
),
-- What few did comes first: that security software opens all others is no news.
chosen AS (
    SELECT *, sum(events) OVER (PARTITION BY action, who_name, target_name)::BIGINT AS alike
    FROM named
    ORDER BY action = 'inject' DESC, alike, first_seen, src, dst, action
    LIMIT $limit
)
SELECT c.action, c.first_seen, c.host, c.who, c.command, c.src AS id, c.target, c.dst AS target_id,
       c.events, c.alike, p.path, p.line
FROM chosen c LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY c.action = 'inject' DESC, c.alike, c.first_seen, c.src, c.dst, c.action
