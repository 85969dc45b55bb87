-- Programs that run from a folder where their name seldom lies: copies under a trusted name.
--   at_most = 5     at most so many processes in that folder
--   times = 5.0     so many times more processes of that name elsewhere
--   limit = 100     rows to return
WITH processes AS (
    SELECT id, coalesce(nullif(label, ''), key) AS program, detail,
           -- The same disk goes by several names, and /bin is /usr/bin on most systems.
           regexp_replace(lower(replace(coalesce(nullif(label, ''), key), '\', '/')),
                          '^(/device/harddiskvolume\d+|[a-z]:|/usr)/', '/') AS path
    FROM entities WHERE type = 'process'
),
placed AS (
    SELECT *, parse_filename(path) AS name, regexp_replace(path, '[^/]*$', '') AS folder
    FROM processes WHERE contains(path, '/')
),
folders AS (
    SELECT name, folder, count(*) AS here, min(program) AS program, min(id) AS id,
           sum(count(*)) OVER (PARTITION BY name)::BIGINT - count(*) AS elsewhere,
           first(folder) OVER (PARTITION BY name ORDER BY count(*) DESC, folder) AS usual_folder
    FROM placed GROUP BY name, folder
),
chosen AS (
    SELECT * FROM folders
    WHERE here <= $at_most AND elsewhere >= $times * here AND folder <> usual_folder
    ORDER BY elsewhere / here DESC, name, folder
    LIMIT $limit
),
seen AS (
    SELECT id, min(ts) AS first_seen, min(host) AS host FROM (
        SELECT src AS id, ts, host FROM edges WHERE src IN (SELECT id FROM chosen)
        UNION ALL
        SELECT dst, ts, host FROM edges WHERE dst IN (SELECT id FROM chosen))
    GROUP BY id
)
SELECT seen.first_seen, seen.host, c.program, c.here, c.elsewhere, c.usual_folder, e.detail AS command, c.id
FROM chosen c LEFT JOIN seen USING (id) LEFT JOIN entities e USING (id)
ORDER BY c.elsewhere / c.here DESC, c.name, c.folder
