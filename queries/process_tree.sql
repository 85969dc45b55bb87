-- The processes of one host as a tree: who launched whom, in time order.
--   host            host, as the log names it
--   root = null     only trees below this process: its entity id, or text its label or name contains
--   depth = 12      generations to show
--   limit = 1000    rows to return
WITH RECURSIVE
-- A process has one parent: the first that made it. `born` orders siblings.
births AS (
    SELECT src_id AS parent, dst_id AS child, ts, path, line,
           struct_pack(ts := ts, source := source, record := record, id := dst_id) AS born
    FROM events
    WHERE host = $host AND src_type = 'process' AND dst_type = 'process'
      AND action IN ('launch', 'fork', 'exec') AND src_id <> dst_id
    QUALIFY row_number() OVER (PARTITION BY dst_id ORDER BY ts, source, record, ordinal) = 1
),
-- What a process that nothing was seen to launch did first stands for its birth.
alive AS (
    SELECT id, min(struct_pack(ts := ts, source := source, record := record, id := id)) AS born
    FROM (
        SELECT src AS id, ts, source, record FROM edges WHERE host = $host
        UNION ALL
        SELECT dst, ts, source, record FROM edges WHERE host = $host
    )
    GROUP BY id
),
processes AS (
    SELECT id, coalesce(nullif(label, ''), key) AS label, name, detail, born
    FROM alive JOIN entities USING (id)
    WHERE type = 'process'
),
tree AS (
    SELECT p.id, 0 AS depth, [coalesce(b.born, p.born)] AS trail, [p.id] AS ancestors
    FROM processes p LEFT JOIN births b ON b.child = p.id
    WHERE CASE WHEN $root IS NULL THEN b.child IS NULL
               ELSE p.id::VARCHAR = $root
                    OR contains(lower(p.label), lower($root))
                    OR contains(lower(p.name), lower($root)) END
    UNION ALL
    SELECT b.child, t.depth + 1, list_append(t.trail, b.born), list_append(t.ancestors, b.child)
    FROM tree t JOIN births b ON b.parent = t.id
    WHERE t.depth + 1 < $depth AND NOT list_contains(t.ancestors, b.child)
),
-- A match below another match stands in the tree of the upper one already.
once AS (
    SELECT * FROM tree QUALIFY row_number() OVER (PARTITION BY id ORDER BY depth DESC) = 1
)
SELECT t.trail[-1].ts AS ts, repeat('  ', t.depth) || p.label AS process, p.detail AS command,
       t.depth, t.id, b.path, b.line
FROM once t JOIN processes p USING (id) LEFT JOIN births b ON b.child = t.id
ORDER BY t.trail
LIMIT $limit
