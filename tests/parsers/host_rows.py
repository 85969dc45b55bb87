# ruff: noqa: E501
"""What samples of the host formats give: edges in order, and records left out, by rule."""

# Of each sample: seconds within the hour, source, action and target.
ROWS = {
    "cadets/trace.json": r"""
00:00.000 socket 203.0.113.9:50122 | accept | process sshd
00:00.250 process sshd | fork | process sshd
00:00.500 file /usr/local/bin/bash | exec | process /usr/local/bin/bash
00:00.500 process sshd | launch | process /usr/local/bin/bash
00:00.500 file /libexec/ld-elf.so.1 | load | process /usr/local/bin/bash
00:00.750 process /usr/local/bin/bash | send | socket 198.51.100.20:443
00:01.250 process /usr/local/bin/bash | write | pipe (unnamed)
00:01.750 file /home/erin/.profile | read | process /usr/local/bin/bash
00:02.000 file /libexec/ld-elf.so.1 | load | process /usr/local/bin/bash
00:02.250 process /usr/local/bin/bash | create | file /tmp/x
00:02.500 file /etc/master.passwd | link | file /tmp/x/p
00:02.500 process /usr/local/bin/bash | create | file /tmp/x/p
""",
    "ecar/events.json": r"""
00:00.500 address 192.0.2.44 | logon | session 7c3f0000-aaaa-4bbb-8ccc-000000000051
00:00.500 user CORP\dana | logon | session 7c3f0000-aaaa-4bbb-8ccc-000000000051
00:01.000 process \Device\HarddiskVolume1\Windows\explorer.exe | launch | process \Device\HarddiskVolume1\Windows\System32\cmd.exe
00:01.000 file \Device\HarddiskVolume1\Windows\System32\cmd.exe | exec | process \Device\HarddiskVolume1\Windows\System32\cmd.exe
00:01.500 file C:\Windows\System32\cmdext.dll | load | process \Device\HarddiskVolume1\Windows\System32\cmd.exe
00:02.000 file C:\Users\dana\run.bat | read | process \Device\HarddiskVolume1\Windows\System32\cmd.exe
00:02.500 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | create | file C:\Users\dana\out.tmp
00:03.000 file C:\Users\dana\out.tmp | rename | file C:\Users\dana\out.zip
00:03.000 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | rename | file C:\Users\dana\out.zip
00:03.500 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | write | file C:\Users\dana\out.zip
00:04.000 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | write | registry \REGISTRY\USER\S-1-5-21-1-2-3-1104\Software\Run
00:04.500 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | connect | socket 203.0.113.80:443
00:05.000 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | send | socket 203.0.113.80:443
00:06.000 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | inject | process (unnamed)
00:06.500 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | access | process (unnamed)
00:07.500 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | install | service UpdSvc
00:08.000 process \Device\HarddiskVolume1\Windows\System32\cmd.exe | install | task \Nightly
00:09.500 session 7c3f0000-aaaa-4bbb-8ccc-000000000051 | logoff | host WS-21.corp.example
""",
    "streamspot/letters.tsv": r"""
00:00.001 file file c | read | process process a
00:00.002 process process a | write | file file c
00:00.003 process process a | fork | process process a
00:00.004 file file c | exec | process process a
00:00.005 process process a | connect | socket socket c
00:00.006 socket socket c | receive | process process a
00:00.008 process process a | write | file stdout
00:00.010 file file c | read | process process b
00:00.011 process process b | delete | file file c
""",
    "streamspot/names.tsv": r"""
00:00.002 file /etc/crontab | read | process cron
00:00.003 process cron | fork | process sh
00:00.004 file /bin/date | exec | process sh
00:00.005 process sh | write | file /var/log/cron.log
00:00.006 pipe pipe OBJECT_SRCSINK | read | process sh
""",
    "spade/graph.json": r"""
00:00.100 process /bin/bash | fork | process /bin/tar
00:00.210 file /home/finn/up.tar | read | process /bin/tar
00:00.300 process /bin/tar | write | file /home/finn/up/run.sh
00:00.400 process /bin/tar | rename | file /home/finn/up/run
00:00.400 file /home/finn/up/run.sh | rename | file /home/finn/up/run
00:00.500 process /bin/tar | connect | socket 198.51.100.33:8080
00:00.510 process /bin/tar | send | socket 198.51.100.33:8080
00:00.520 socket 198.51.100.33:8080 | receive | process /bin/tar
00:00.700 process /bin/tar | chmod | file /home/finn/up/run
""",
    "spade_dot/graph.dot": r"""
00:00.100 process /bin/bash | fork | process /bin/tar
00:00.210 file /home/finn/up.tar | read | process /bin/tar
00:00.300 process /bin/tar | write | file /home/finn/up/run.sh
00:00.400 process /bin/tar | rename | file /home/finn/up/run
00:00.400 file /home/finn/up/run.sh | rename | file /home/finn/up/run
00:00.500 process /bin/tar | connect | socket 198.51.100.33:8080
00:00.510 process /bin/tar | send | socket 198.51.100.33:8080
00:00.520 socket 198.51.100.33:8080 | receive | process /bin/tar
00:00.700 process /bin/tar | chmod | file /home/finn/up/run
""",
    "spade_csv/graph.csv": r"""
00:00.100 process /bin/bash | fork | process /bin/tar
00:00.210 file /home/finn/up.tar | read | process /bin/tar
00:00.300 process /bin/tar | write | file /home/finn/up/run.sh
00:00.400 process /bin/tar | rename | file /home/finn/up/run
00:00.400 file /home/finn/up/run.sh | rename | file /home/finn/up/run
00:00.500 process /bin/tar | connect | socket 198.51.100.33:8080
00:00.510 process /bin/tar | send | socket 198.51.100.33:8080
00:00.520 socket 198.51.100.33:8080 | receive | process /bin/tar
00:00.700 process /bin/tar | chmod | file /home/finn/up/run
""",
    "camflow/provenance.json": r"""
00:01.000 process /bin/bash | fork | process /usr/bin/curl
00:01.000 process /bin/bash | fork | process (unnamed)
00:02.000 file /usr/bin/curl | exec | process /usr/bin/curl
00:03.000 file /etc/hosts | read | process /usr/bin/curl
00:04.000 process /usr/bin/curl | connect | socket 203.0.113.77:443
00:04.000 process /usr/bin/curl | send | socket 203.0.113.77:443
00:05.000 process /usr/bin/curl | chmod | file /etc/hosts
""",
    "provmark/graph.clingo": r"""
00:00.005 process sh | fork | process mv
00:00.006 process mv | write | file /srv/a
00:00.007 file /srv/a | rename | file /srv/b
""",
    "procmon/log.csv": r"""
00:01.000 process C:\Windows\explorer.exe | launch | process C:\Windows\System32\wscript.exe
00:01.000 file C:\Windows\System32\wscript.exe | exec | process C:\Windows\System32\wscript.exe
00:01.200 file C:\Windows\System32\vbscript.dll | load | process C:\Windows\System32\wscript.exe
00:01.400 file C:\Users\gil\inv.vbs | read | process C:\Windows\System32\wscript.exe
00:01.600 process C:\Windows\System32\wscript.exe | create | file C:\Users\gil\stage.tmp
00:01.700 file C:\Users\gil\stage.tmp | rename | file C:\Users\gil\stage.exe
00:01.700 process C:\Windows\System32\wscript.exe | rename | file C:\Users\gil\stage.exe
00:02.000 process C:\Windows\System32\wscript.exe | write | registry HKCU\Software\Run\upd
00:02.100 registry HKLM\Software\Lab\Key | read | process C:\Windows\System32\wscript.exe
00:02.300 process C:\Windows\System32\wscript.exe | connect | socket 203.0.113.12:443
00:02.400 socket 203.0.113.12:443 | receive | process C:\Windows\System32\wscript.exe
00:02.600 process C:\Windows\System32\wscript.exe | delete | file C:\Users\gil\inv.vbs
00:03.000 file C:\Windows\System32\cmd.exe | exec | process C:\Windows\System32\cmd.exe
""",
    "procmon_xml/log.xml": r"""
00:01.000 process C:\Windows\explorer.exe | launch | process C:\Windows\System32\wscript.exe
00:01.000 file C:\Windows\System32\wscript.exe | exec | process C:\Windows\System32\wscript.exe
00:01.200 file C:\Windows\System32\vbscript.dll | load | process C:\Windows\System32\wscript.exe
00:01.400 file C:\Users\gil\inv.vbs | read | process C:\Windows\System32\wscript.exe
00:01.600 process C:\Windows\System32\wscript.exe | create | file C:\Users\gil\stage.tmp
00:01.700 file C:\Users\gil\stage.tmp | rename | file C:\Users\gil\stage.exe
00:01.700 process C:\Windows\System32\wscript.exe | rename | file C:\Users\gil\stage.exe
00:02.000 process C:\Windows\System32\wscript.exe | write | registry HKCU\Software\Run\upd
00:02.100 registry HKLM\Software\Lab\Key | read | process C:\Windows\System32\wscript.exe
00:02.300 process C:\Windows\System32\wscript.exe | connect | socket 203.0.113.12:443
00:02.400 socket 203.0.113.12:443 | receive | process C:\Windows\System32\wscript.exe
00:02.600 process C:\Windows\System32\wscript.exe | delete | file C:\Users\gil\inv.vbs
00:03.000 file C:\Windows\System32\cmd.exe | exec | process C:\Windows\System32\cmd.exe
""",
    "tetragon/events.json": r"""
00:01.500 process /sbin/init | launch | process /bin/sh
00:01.500 file /bin/sh | exec | process /bin/sh
00:02.500 process /bin/sh | launch | process /usr/bin/python3
00:02.500 file /usr/bin/python3 | exec | process /usr/bin/python3
00:03.500 process /usr/bin/python3 | connect | socket 203.0.113.61:443
00:04.500 process /usr/bin/python3 | write | file /var/lib/app/state
00:05.500 file /etc/app.conf | read | process /usr/bin/python3
00:06.500 file /etc/shadow | read | process /usr/bin/python3
00:07.500 process /usr/bin/python3 | send | socket 203.0.113.61:443
00:10.500 process /usr/bin/python3 | bind | socket 0.0.0.0:8080
00:11.500 file /usr/lib/libssl.so.3 | load | process /usr/bin/python3
00:12.500 process /usr/bin/python3 | resolve | domain api.example.net
""",
    "falco/alerts.json": r"""
00:01.123 process /usr/sbin/nginx | launch | process /bin/bash
00:01.123 file /bin/bash | exec | process /bin/bash
00:02.123 file /etc/shadow | read | process /bin/bash
00:03.123 process /bin/bash | write | file /etc/cron.d/x
00:04.123 process /bin/bash | connect | socket 203.0.113.90:4444
00:05.123 process /bin/bash | delete | file /root/.bash_history
00:06.123 process /bin/bash | chmod | file /tmp/s
""",
    "tracee/events.json": r"""
00:01.000 process /usr/bin/curl | fork | process /usr/bin/curl
00:02.000 file /usr/bin/curl | exec | process /usr/bin/curl
00:02.000 process /usr/bin/curl | launch | process /usr/bin/curl
00:03.000 process /usr/bin/curl | resolve | domain x.example
00:04.000 process /usr/bin/curl | connect | socket 198.51.100.70:80
00:06.000 process /usr/bin/curl | write | file /tmp/p
00:07.000 file /tmp/p | rename | file /tmp/q
00:07.000 process /usr/bin/curl | rename | file /tmp/q
00:08.000 process /usr/bin/curl | delete | file /tmp/old
00:09.000 process /usr/bin/curl | inject | process (unnamed)
00:10.000 file /usr/lib/libcurl.so.4 | load | process /usr/bin/curl
""",
    "osquery/results.log": r"""
59:55.000 process /bin/bash | launch | process /usr/bin/wget
59:55.000 file /usr/bin/wget | exec | process /usr/bin/wget
59:56.000 process /usr/bin/wget | connect | socket 203.0.113.5:80
00:03.000 process /sbin/init | launch | process /tmp/miner
00:03.000 file /tmp/miner | exec | process /tmp/miner
00:05.000 process /tmp/miner | bind | socket 0.0.0.0:9000
58:20.000 address 192.0.2.200 | logon | user hana
58:20.000 user hana | logon | host lap-8
00:02.000 file /tmp/cfg | rename | file /tmp/cfg2
00:02.000 process /tmp/miner | rename | file /tmp/cfg2
""",
    "osquery/snapshots.log": r"""
01:00.000 process /tmp/miner | connect | socket 198.51.100.9:3333
""",
    "ecs/documents.json": r"""
00:01.250 process /bin/bash | launch | process /usr/bin/psql
00:01.250 file /usr/bin/psql | exec | process /usr/bin/psql
00:02.250 process /bin/bash | fork | process /usr/bin/psql
00:04.250 process /usr/bin/psql | create | file /var/dump.sql
00:05.250 file /var/dump.sql | rename | file /var/dump.gz
00:05.250 process /usr/bin/psql | rename | file /var/dump.gz
00:07.250 process /usr/bin/psql | connect | socket 203.0.113.33:5432
00:08.250 socket 192.0.2.77:40400 | accept | process /usr/bin/psql
00:09.250 process /usr/bin/psql | resolve | domain db.example.org
00:10.250 address 192.0.2.77 | logon | user ivan
00:10.250 user ivan | logon | host db-5
00:11.250 process C:\Windows\regedit.exe | write | registry HKLM\Software\Run\a
00:12.250 file C:\Windows\System32\aclui.dll | load | process C:\Windows\regedit.exe
00:13.250 user root | change | user ivan
00:15.000 process psql | launch | process /usr/bin/id
00:15.000 file /usr/bin/id | exec | process /usr/bin/id
""",
    "ocsf/events.json": r"""
00:01.000 process C:\Office\winword.exe | launch | process C:\Windows\powershell.exe
00:01.000 file C:\Windows\powershell.exe | exec | process C:\Windows\powershell.exe
00:02.000 process C:\Office\winword.exe | inject | process lsass.exe
00:04.000 process C:\Office\winword.exe | create | file C:\Users\jo\x.ps1
00:05.000 file C:\Users\jo\x.ps1 | rename | file C:\Users\jo\y.ps1
00:05.000 process C:\Office\winword.exe | rename | file C:\Users\jo\y.ps1
00:06.000 file C:\Users\jo\a.doc | read | process C:\Office\winword.exe
00:07.000 file C:\Windows\amsi.dll | load | process C:\Office\winword.exe
00:08.000 process C:\Office\winword.exe | connect | socket 203.0.113.44:443
00:09.000 process C:\Office\winword.exe | resolve | domain evil.example
00:10.000 address 192.0.2.15 | logon | user CORP\jo
00:10.000 user CORP\jo | logon | host pc-3
00:11.000 user admin | change | user svc2
00:12.000 address 198.51.100.5 | logon | user dev
00:12.000 user dev | change | service s3
00:13.000 process C:\Office\winword.exe | write | registry HKCU\Software\Run
00:14.000 process C:\Office\winword.exe | install | task \Upd
00:16.000 file C:\secret.txt | read | process C:\Office\winword.exe
""",
}  # fmt: skip
IGNORED: dict[str, dict[str, int]] = {
    "cadets/trace.json": {
        "describes the host": 1,
        "describes a socket; events use it": 1,
        "pipe or socket made; reads and writes say what flowed": 1,
        "opened; reads and writes say what flowed": 1,
        "the call failed": 1,
        "process's own attributes": 1,
        "process ended or waited": 1,
    },
    "ecar/events.json": {
        "an end of its edge is not named": 1,
        "thread of its own process": 1,
        "command in a shell; what it did is told by itself": 1,
        "process ended": 1,
    },
    "streamspot/letters.tsv": {
        "memory, or an object of no known type": 2,
        "opened; reads and writes say what flowed": 1,
    },
    "streamspot/names.tsv": {
        "opened; reads and writes say what flowed": 1,
    },
    "spade/graph.json": {
        "describes a vertex; edges use it": 8,
        "account a process acts for": 1,
        "process's own attributes": 1,
        "opened; reads and writes say what flowed": 1,
        "memory of a process": 1,
    },
    "spade_dot/graph.dot": {
        "frame of the graph": 5,
        "describes a vertex; edges use it": 8,
        "account a process acts for": 1,
        "process's own attributes": 1,
        "opened; reads and writes say what flowed": 1,
        "memory of a process": 1,
    },
    "spade_csv/graph.csv": {
        "names of the columns": 2,
        "describes a vertex; edges use it": 8,
        "account a process acts for": 1,
        "process's own attributes": 1,
        "opened; reads and writes say what flowed": 1,
        "memory of a process": 1,
    },
    "camflow/provenance.json": {
        "describes nodes; edges use them": 1,
        "names a file or process": 1,
        "memory of a process": 2,
        "process ended": 1,
    },
    "provmark/graph.clingo": {
        "describes a vertex; edges use it": 4,
        "descriptor only": 1,
        "property of a vertex or an edge": 11,
    },
    "procmon/log.csv": {
        "names of the columns": 1,
        "process started; who created it said so": 1,
        "opened; reads and writes say what flowed": 1,
        "the operation failed": 2,
        "attributes asked for": 1,
        "thread, or process ended": 1,
    },
    "procmon_xml/log.xml": {
        "describes a process": 1,
        "process started; who created it said so": 1,
        "opened; reads and writes say what flowed": 1,
        "the operation failed": 2,
        "attributes asked for": 1,
        "thread, or process ended": 1,
    },
    "tetragon/events.json": {
        "opened; reads and writes say what flowed": 1,
        "no relation in this function": 1,
        "process ended": 1,
    },
    "falco/alerts.json": {
        "no relation in this alert": 1,
        "no process named": 1,
    },
    "tracee/events.json": {
        "opened; reads and writes say what flowed": 1,
        "the call failed": 1,
        "no relation in this event": 1,
    },
    "osquery/results.log": {
        "removed, or no rows": 1,
        "file changed by no named process": 1,
        "command that was typed, by no named process": 1,
        "inventory: no relation in this table": 1,
    },
    "osquery/snapshots.log": {},
    "ecs/documents.json": {
        "process ended, or its own state": 1,
        "file changed by no named process": 1,
        "no relation in this category of event": 1,
    },
    "ocsf/events.json": {
        "process ended": 1,
        "finding, not an event": 1,
    },
}
