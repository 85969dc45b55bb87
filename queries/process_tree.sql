-- The processes of one host as a tree: who launched whom, in time order.
--   host            host, as the log names it
--   root = null     only trees below this process: its entity id, or text its label or name contains
--   depth = 12      generations to show
--   limit = 1000    rows to return
WITH RECURSIVE
processes AS MATERIALIZED (
    SELECT id, coalesce(nullif(label, ''), key) AS label, name, detail
    FROM entities WHERE type = 'process'
),
here AS MATERIALIZED (SELECT * EXCLUDE (host, outcome) FROM edges WHERE host = $host),
-- A process has one parent: the first that made it.
made AS (
    SELECT dst AS id, first.src AS parent, first.ts, first.source, first.record, first.ordinal
    FROM (SELECT dst, min(struct_pack(ts := ts, source := source, record := record, ordinal := ordinal, src := src)) AS first
    FROM here
    WHERE action IN ('launch', 'fork', 'exec') AND src <> dst
      AND src IN (SELECT id FROM processes) AND dst IN (SELECT id FROM processes)
    GROUP BY dst)
),
-- What a process that nothing was seen to make did first stands for its birth.
founders AS MATERIALIZED (
    SELECT id FROM processes WHERE id NOT IN (SELECT id FROM made)
),
unmade AS (
    SELECT id, min(struct_pack(ts := ts, source := source, record := record)) AS first
    FROM (SELECT src AS id, ts, source, record FROM here WHERE src IN (SELECT id FROM founders)
          UNION ALL
          SELECT dst, ts, source, record FROM here WHERE dst IN (SELECT id FROM founders))
    GROUP BY id
),
-- `born` counts births in the order of time, so numbers stand for moments from here on.
alive AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY ts, source, record, ordinal, id) AS born
    FROM (SELECT *, true AS seen FROM made
          UNION ALL
          SELECT id, NULL, first.ts, first.source, first.record, -1, false FROM unmade)
),
-- Process ids are used again: a parent that was born later is none, so there is no cycle.
births AS MATERIALIZED (
    SELECT a.id, a.born, a.ts, p.id AS parent,
           CASE WHEN a.seen THEN a.source END AS source, CASE WHEN a.seen THEN a.record END AS record
    FROM alive a LEFT JOIN alive p ON p.id = a.parent AND (p.born < a.born OR NOT p.seen)
),
-- A trail is the births from the root down, six digits each: sorted, they are the tree.
tree AS (
    SELECT b.id, 0 AS depth, to_base(b.born, 36, 6) AS trail
    FROM births b
    WHERE CASE WHEN $root IS NULL THEN b.parent IS NULL
               ELSE b.id IN (SELECT id FROM processes
                             WHERE id::VARCHAR = $root
                                OR contains(lower(label), lower($root))
                                OR contains(lower(name), lower($root))) END
    UNION ALL
    SELECT b.id, t.depth + 1, t.trail || to_base(b.born, 36, 6)
    FROM tree t JOIN births b ON b.parent = t.id
    WHERE t.depth + 1 < $depth
),
-- A match below another match stands in the tree of the upper one already.
once AS (
    SELECT id, depth, trail FROM tree WHERE $root IS NULL
    UNION ALL
    SELECT id, max(depth), arg_max(trail, depth) FROM tree WHERE $root IS NOT NULL GROUP BY id
),
-- Rows are ordered by numbers: long trails would be sorted twice.
ranked AS (SELECT id, depth, row_number() OVER (ORDER BY trail) AS place FROM once),
shown AS (SELECT * FROM ranked JOIN births USING (id) WHERE place <= $limit)
SELECT s.ts, repeat('  ', s.depth) || p.label AS process, p.detail AS command,
       s.depth, s.id, places.path, places.line
FROM shown s JOIN processes p USING (id)
LEFT JOIN places ON places.source = s.source AND places.record = s.record
ORDER BY s.place
