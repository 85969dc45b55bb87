-- Logons: who logged on to which computer, from where.
SELECT record,
       try_cast("time" AS TIMESTAMPTZ) AS ts,
       lower(computer) AS host,
       'address' AS src_type, ip AS src_key, workstation AS src_label,
       'logon' AS action,
       'user' AS dst_type, account AS dst_key,
       result AS outcome
FROM raw
