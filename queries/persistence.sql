-- Places written from which programs start again: run keys, services, tasks, cron, profiles, keys.
--   host = null     only on this host
--   since = null    UTC time from which on
--   limit = 200     rows to return
WITH places_of_start AS MATERIALIZED (
    SELECT id, type, coalesce(nullif(label, ''), key) AS place, CASE
        WHEN type IN ('service', 'task') THEN type
        WHEN type = 'registry' AND regexp_matches(lower(coalesce(nullif(label, ''), key)),
            '\\(run|runonce|runonceex|runservices|policies\\explorer\\run)(\\|$)') THEN 'run key'
        WHEN type = 'registry' AND regexp_matches(lower(coalesce(nullif(label, ''), key)),
            '\\winlogon\\(shell|userinit|notify)|\\image file execution options\\.*\\(debugger|globalflag)|\\silentprocessexit\\|\\appinit_dlls|\\appcertdlls|\\lsa\\.*packages|\\inprocserver32|\\active setup\\installed components|\\currentversion\\windows\\load|\\environment\\userinitmprlogonscript|\\print\\monitors\\|\\netsh($|\\)|\\command processor\\autorun|\\session manager\\bootexecute|\\scrnsave\.exe')
            THEN 'registry'
        WHEN type = 'registry' AND regexp_matches(lower(coalesce(nullif(label, ''), key)),
            '\\services\\[^\\]+\\(imagepath|parameters\\servicedll|failurecommand)') THEN 'service'
        WHEN type = 'registry' AND contains(lower(coalesce(nullif(label, ''), key)),
            '\schedule\taskcache\') THEN 'task'
        WHEN type = 'file' AND regexp_matches(lower(coalesce(nullif(label, ''), key)),
            '\\start menu\\programs\\startup\\|\\system32\\tasks\\|\\wbem\\repository\\') THEN 'startup'
        WHEN type = 'file' AND regexp_matches(coalesce(nullif(label, ''), key),
            '^/etc/(cron|anacrontab|at\.|init\.d/|rc\.|rc\d|systemd/|profile|ld\.so\.preload|ld\.so\.conf|pam\.d/|udev/rules|xdg/autostart|modules-load|bash\.bashrc|update-motd)|^/(usr/)?lib/systemd/|^/var/spool/(cron|at)|/\.(bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zprofile)$|/\.ssh/(authorized_keys|rc)|/\.config/(autostart|systemd)|/Library/Launch(Agents|Daemons)/')
            THEN 'startup'
        END AS kind
    FROM entities WHERE type IN ('service', 'task', 'registry', 'file')
),
written AS (
    SELECT e.host, p.kind, p.place, e.src, e.action, count(*) AS events, min(e.ts) AS first_seen,
           max(e.ts) AS last_seen, arg_min((source, record), (ts, source, record, ordinal)) AS place_in_log
    FROM edges e JOIN places_of_start p ON p.id = e.dst
    WHERE p.kind IS NOT NULL AND e.outcome IS DISTINCT FROM 'failure'
      AND e.action IN ('write', 'create', 'rename', 'link', 'install', 'change')
      AND ($host IS NULL OR e.host = $host) AND ($since IS NULL OR e.ts >= utc($since))
    GROUP BY e.host, p.kind, p.place, e.src, e.action
    ORDER BY first_seen, kind, place, src, action
    LIMIT $limit
)
SELECT w.first_seen, w.last_seen, w.host, w.kind, w.place, w.action,
       coalesce(nullif(s.label, ''), s.key) AS who, s.detail AS command, w.src AS id, w.events,
       p.path, p.line
FROM written w LEFT JOIN entities s ON s.id = w.src
LEFT JOIN places p ON p.source = place_in_log[1] AND p.record = place_in_log[2]
ORDER BY w.first_seen, w.kind, w.place, w.src, w.action
