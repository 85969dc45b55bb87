-- Accounts that failed to log on from somewhere again and again and then did: guessed passwords.
--   at_least = 3       failures before the success
--   within = 3600.0    seconds in which they lie
--   limit = 100        rows to return
WITH counted AS (
    SELECT *, count(*) FILTER (failed) OVER recent AS failures,
           min(ts) FILTER (failed) OVER recent AS first_failure
    FROM logons
    WHERE account IS NOT NULL
    WINDOW recent AS (PARTITION BY host, origin, account ORDER BY ts
                      RANGE BETWEEN to_microseconds(($within * 1000000)::BIGINT) PRECEDING
                            AND CURRENT ROW)
),
-- The first success after them tells it; later ones have the same failures before them.
told AS (
    SELECT * FROM counted WHERE NOT failed AND failures >= $at_least
    QUALIFY row_number() OVER (PARTITION BY host, origin, account, first_failure
                               ORDER BY ts, source, record) = 1
    ORDER BY ts, source, record
    LIMIT $limit
)
SELECT t.ts, t.host, t.origin, t.account, t.failures, t.first_failure, p.path, p.line
FROM told t LEFT JOIN places p USING (source, record)
ORDER BY t.ts, t.source, t.record
