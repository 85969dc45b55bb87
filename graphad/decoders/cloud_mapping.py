"""The mapping of logs whose decoder tells each record's edges, see cloud_decode.py."""

MAPPING = """
    SELECT record, ts, host, place - 1 AS ordinal, edge.src_type AS src_type,
           edge.src_key AS src_key, edge.src_label AS src_label, edge.src_detail AS src_detail,
           edge.action AS action, edge.dst_type AS dst_type, edge.dst_key AS dst_key,
           edge.dst_label AS dst_label, edge.dst_detail AS dst_detail, edge.outcome AS outcome
    FROM (SELECT record, ts, host, unnest(_edges) AS edge,
                 unnest(range(1, len(_edges) + 1)) AS place FROM raw)"""
IGNORE = "CASE WHEN ts IS NOT NULL THEN _rule END"
REJECT = "CASE WHEN ts IS NULL THEN 'no time' ELSE _reason END"
YIELDS = "file, address, user, host, service, session: read, create, delete, access, logon, change"
