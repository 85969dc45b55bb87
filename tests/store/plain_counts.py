"""What counts are, as one plain query over a store's tables, which both ways are held against."""

COUNTS_SQL = """
    SELECT date_trunc('day', ts)::TIMESTAMP AS day, e.host AS host,
           s.type AS src_type, s.name AS src_name, action,
           d.type AS dst_type, d.name AS dst_name,
           CASE WHEN d.type = 'process' AND action IN ('launch', 'exec')
                THEN coalesce(d.shape, '') ELSE '' END AS shape,
           count(*)::BIGINT AS n, bit_or(1::BIGINT << hour(ts)::BIGINT)::BIGINT AS hours
    FROM edges e JOIN entities s ON s.id = e.src JOIN entities d ON d.id = e.dst
    GROUP BY ALL ORDER BY ALL"""
