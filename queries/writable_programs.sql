-- Programs that ran from places where anyone may write: temporary, download and public folders.
--   host = null     only on this host
--   limit = 200     rows to return
WITH programs AS MATERIALIZED (
    SELECT id, coalesce(nullif(label, ''), key) AS program, detail FROM entities
    WHERE type = 'process' AND regexp_matches(
        lower(replace(coalesce(nullif(label, ''), key), '\', '/')),
        '^/(tmp|var/tmp|dev/shm|run/user|run/shm|mnt|media)/|/(temp|tmp|downloads|appdata|perflogs|\$recycle\.bin)/|/users/public/|^[a-z]:/programdata/[^/]*$|/(\.cache|\.local/share)/')
),
lives AS (
    SELECT id, host, min(ts) AS first_seen, max(ts) AS last_seen, count(*) AS events,
           arg_min((source, record), (ts, source, record, ordinal)) AS place
    FROM (SELECT src AS id, e.* EXCLUDE (src, dst) FROM edges e
          WHERE src IN (SELECT id FROM programs)
          UNION ALL
          SELECT dst, e.* EXCLUDE (src, dst) FROM edges e WHERE dst IN (SELECT id FROM programs))
    WHERE $host IS NULL OR host = $host
    GROUP BY id, host
    ORDER BY first_seen, id
    LIMIT $limit
)
SELECT l.first_seen, l.last_seen, l.host, g.program, g.detail AS command, l.id, l.events,
       p.path, p.line
FROM lives l JOIN programs g USING (id)
LEFT JOIN places p ON p.source = place[1] AND p.record = place[2]
ORDER BY l.first_seen, l.id
