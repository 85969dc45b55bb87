-- Command lines that hide what they do: base64, encoded or compressed PowerShell, hex, carets.
--   at_least = 40     length of a run of base64 or hexadecimal digits that counts
--   limit = 100       rows to return
WITH told AS (
    SELECT id, coalesce(nullif(label, ''), key) AS program, detail AS command, list_filter([
        CASE WHEN regexp_matches(detail, '(?i)(^|\s)[-/\x{2013}]e(n|nc|nco|ncod|ncode|ncoded|ncodedc\w*)?\s+[A-Za-z0-9+/=]{16,}')
             THEN 'encoded command' END,
        CASE WHEN regexp_matches(detail, '(?i)frombase64string|base64\s+(-d|--decode|-D)|certutil.*-(decode|decodehex)|openssl\s+(enc|base64)\s.*-d|b64decode|atob\(')
             THEN 'decodes' END,
        CASE WHEN regexp_matches(detail, '(?i)gzipstream|deflatestream|\[char\]\s*\d+|-join\s*\(|-bxor|\$\(printf|xxd\s+-r|\\x[0-9a-f]{2}\\x[0-9a-f]{2}')
             THEN 'put together' END,
        CASE WHEN length(detail) - length(replace(detail, '^', '')) >= 4
               OR length(detail) - length(replace(detail, '`', '')) >= 4 THEN 'escapes' END,
        CASE WHEN list_max(list_transform(regexp_extract_all(detail, '[A-Za-z0-9+/]{16,}={0,2}'),
                                          lambda run: length(run))) >= $at_least
              AND NOT regexp_matches(detail, '^[^ ]*$')
             THEN 'long run of digits' END
        ], lambda sign: sign IS NOT NULL) AS signs
    FROM entities WHERE type = 'process' AND detail IS NOT NULL
),
chosen AS (
    SELECT command, min(program) AS program, min(id) AS id, any_value(signs) AS signs,
           count(*) AS processes
    FROM told WHERE len(signs) > 0
    GROUP BY command
    ORDER BY len(any_value(signs)) DESC, command
    LIMIT $limit
),
seen AS (
    SELECT id, min(ts) AS first_seen, min(host) AS host FROM (
        SELECT src AS id, ts, host FROM edges WHERE src IN (SELECT id FROM chosen)
        UNION ALL
        SELECT dst, ts, host FROM edges WHERE dst IN (SELECT id FROM chosen))
    GROUP BY id
)
SELECT first_seen, host, program, array_to_string(signs, ', ') AS signs, processes, id, command
FROM chosen LEFT JOIN seen USING (id)
ORDER BY len(chosen.signs) DESC, command
