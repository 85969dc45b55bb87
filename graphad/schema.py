"""Tables and columns of a store, and what they mean. The one list; everything else reads it.

Times are UTC microseconds. `record` counts the records of one source from 1; with `source` it names
a record for ever. Text columns hold what the log said, whole, unless the meaning says otherwise.
"""

from typing import Literal, NamedTuple, TypeAlias

VERSION = 2  # of the store's layout; a reader refuses a newer one

Kind: TypeAlias = Literal["text", "int", "float", "time", "bool"]


class Column(NamedTuple):
    """One column: its name, its kind, and what it means."""

    name: str
    kind: Kind
    meaning: str


def _columns(table: str) -> tuple[Column, ...]:
    columns = []
    for line in table.strip().splitlines():
        name, kind, meaning = line.split(maxsplit=2)
        columns.append(Column(name, kind, meaning))  # type: ignore[arg-type]
    return tuple(columns)


LOCATOR = _columns("""
source          int   number of the source, see the table `sources`
record          int   number of the record in its source, from 1
offset          int   first byte of the record in the decompressed source
length          int   bytes of the record, its line end left out
line            int   line of the source on which the record begins, from 1
""")

RECORDS = _columns("""
ts              time  when it happened, as far as the record says
host            text  where it happened
shape           text  how the record was written: each field's place in it and the column it went to
attrs           text  JSON object of all fields that have no column of their own
message         text  rendered text; {field}, or <type> in a text line, where it repeats a field
code            text  event id in its channel; of a text line the id of its masked message
channel         text  log or channel
provider        text  what wrote the event
action          text  what happened, in the source's own word
outcome         text  success or failure, in the source's own word
user            text  account that acted
user_domain     text  domain of that account
user_sid        text  SID or uid of that account
logon_id        text  logon session that acted
login_user      text  account that opened that session, whatever it became since
process_guid    text  process that acted, as the source identifies it
pid             int   its process id
tid             int   its thread id
exe             text  its executable
command_line    text  its command line
cwd             text  its working directory
parent_guid     text  its parent
parent_pid      int   process id of the parent
parent_exe      text  executable of the parent
parent_command  text  command line of the parent
target_guid     text  process that was acted upon
target_pid      int   its process id
target_exe      text  its executable
file_path       text  file that was acted upon
new_path        text  its new name
registry_path   text  registry key or value that was acted upon
registry_data   text  what was written there
src_ip          text  source address
src_port        int   source port
src_host        text  source host name
dst_ip          text  destination address
dst_port        int   destination port
dst_host        text  destination host name
protocol        text  transport protocol
domain          text  domain name asked for
answer          text  what the name resolved to
pipe            text  named pipe
target_user     text  account that was acted upon
target_domain   text  domain of that account
target_sid      text  SID of that account
target_logon    text  logon session that was opened
logon_type      text  kind of logon
service         text  service that was acted upon
task_name       text  scheduled task that was acted upon
hashes          text  digests of the file or image
syscall         text  system call
args            text  its arguments, raw
result          text  what it returned, raw
error           text  name of its error
duration        float seconds it took
begun           int   record that holds the beginning of this call, if another one does
access          text  access that was asked for or granted
access_list     text  its rights by name
object_type     text  kind of object that was acted upon
handle          text  handle to it
share           text  network share
direction       text  who opened the connection, in the source's own word
logon_guid      text  logon session, as domain controllers know it
call_trace      text  code by which one process opened another
script          text  script, task or payload that was run or stored
context         text  what the script ran in
file_version    text  version resource of the file or image ...
description     text  ... and its other parts
product         text  product it belongs to
company         text  company that made it
original_name   text  name it was built under
signature       text  who signed it
event_number    int   number the log gave to the record
event_time      time  when the log wrote the event, if it said so in UTC or named its zone
local_time      time  the same as the host's clock read; which zone is not said
received_time   time  when a collector or shipper took it
received_local  time  the same as the collector's clock read
created_time    time  time stamp of the file that was acted upon
previous_time   time  the same before it was changed
time_rest       int   digits that event_time or another time has past the microsecond
logger_pid      int   process id that wrote the record, not the one that acted
logger_tid      int   its thread id
""")

# What a parser's mapping selects from `raw`; `?` may be left out.
MAPPING = _columns("""
record          int   record of `raw` this edge comes from
ts              time  when
host            text  where
src_type        text  type of the source entity, one of ENTITY_TYPES
src_key         text  what identifies it on its host (or everywhere, see LOCAL_TYPES)
src_label       text  ? what it is called: path, address, account; the key if left out
src_detail      text  ? command line of a process
action          text  what flowed: one of ACTIONS
dst_type        text  type of the destination entity
dst_key         text  what identifies it
dst_label       text  ? what it is called
dst_detail      text  ? command line of a process
outcome         text  ? success or failure
ordinal         int   ? place among the edges of its record, from 0
""")

EDGES = _columns("""
source          int   source of the record
record          int   record it comes from
ordinal         int   place among the edges of its record, from 0
ts              time  when
host            text  where
src             int   id of the entity information flowed from
dst             int   id of the entity information flowed to
action          text  how
outcome         text  success, failure, or nothing said
""")

ENTITIES = _columns("""
id              int   64-bit keyed hash of type, host and key
type            text  one of ENTITY_TYPES
host            text  host it lives on, if its type is local to a host
key             text  what identifies it
label           text  what the log called it
name            text  canonical name, see models/names.py
detail          text  command line of a process
shape           text  masked command line
""")

COUNTS = _columns("""
day             time  UTC day
host            text  where
src_type        text  type of the source
src_name        text  canonical name of the source
action          text  how
dst_type        text  type of the destination
dst_name        text  canonical name of the destination
shape           text  masked command line of a process that was launched, else empty
n               int   edges
hours           int   bit h is set if there was one in hour h
""")

REJECTS = _columns("""
source          int   source of the record
record          int   record that was rejected
line            int   line on which it begins
offset          int   its first byte
length          int   its bytes
reason          text  why
""")

SOURCES = _columns("""
source          int   number of the source
path            text  where it was read from
format          text  parser that read it
digest          text  SHA-256 of its decompressed bytes
bytes           int   how many those are
read            int   records read
used            int   records that gave an edge
ignored         int   records a named rule left out
rejected        int   records that could not be used
edges           int   edges
continues       int   source that held the beginning of this log, if it has grown
same_as         int   source that has all its records, if this is a copy or a piece of it
""")

# Claims: what a record says of an entity besides its edges. See docs/identity.md.
ALIASES = _columns("""
source          int   source of the record
record          int   record that says so, the first of several
kind            text  what is said, one of CLAIMS
host            text  host that says so
entity          int   id of the entity it is said of, as in `edges`
value           text  what it has: a process id, a SID, an address, the near end of a connection
far             text  the other end of a connection
label           text  program of a process, or what else the entity is called
detail          text  its command line
born            time  when a process began, by its own identity
ts              time  when, first
last            time  when, last
n               int   records that say so
logged          bool  these times are the log's own stamps, not the event's
""")

EVIDENCE = _columns("""
finding         text  finding it belongs to
source          int   source of the record
record          int   record
line            int   line on which it begins
text            text  the raw record, cut at 4 KiB
""")

# What is kept of findings, as queries see it.
FINDINGS = _columns("""
id              text  id
incident        text  incident it belongs to
detector        text  detector that found it
unit            text  what was scored: path, event, window or relation
host            text  where
start           time  begin of what was found
end             time  its end
score           float score, higher is more anomalous
z               float the same in deviations from what is usual for its kind
programs        int   that are odd together in its incident, in its hour of its host
p_value         float of a quiet block with such z and programs; nothing without a reference period
severity        text  critical, high, medium, low or informational; likewise
alert           bool  whether it is past the false-alarm budget; likewise
rank            int   place among the findings of its model
count           int   times it happened
model           text  model that judged
title           text  what it is called
""")

TABLES = {
    "records": LOCATOR + RECORDS,
    "edges": EDGES,
    "entities": ENTITIES,
    "counts": COUNTS,
    "aliases": ALIASES,
    "rejects": REJECTS,
    "evidence": EVIDENCE,
}

DETECTORS = ("path", "event", "window", "relation")
SEVERITIES = ("informational", "low", "medium", "high", "critical")  # rising
ENTITY_TYPES = (
    "process", "file", "socket", "address", "user", "host", "registry",
    "pipe", "module", "domain", "service", "task", "session", "template",
)  # fmt: skip
# The same key names another thing on another host.
LOCAL_TYPES = frozenset(
    {"process", "file", "registry", "pipe", "module", "service", "task", "session"}
)

# Information flows from the source entity to the destination entity.
ACTIONS = {
    "launch": "process or task -> process: created it, exec of a forked child included",
    "fork": "process -> process: copied itself",
    "exec": "process -> process: became another program; file -> process or task: its program file",
    "load": "file -> process: library or module",
    "read": "file, pipe or registry -> process; file -> address, which fetched it",
    "write": "process -> file, pipe or registry; address -> file; service or host -> template: "
    "a line of its log",
    "create": "process -> file or registry",
    "delete": "process or address -> file; process -> registry",
    "rename": "process or address -> file (the new name); file -> file",
    "link": "file -> file",
    "chmod": "process -> file: mode, owner, time stamps and other metadata",
    "connect": "process, address or host -> socket, pipe, address or domain; task -> domain",
    "accept": "socket -> process, address or host",
    "send": "process -> socket; user -> user: a mail",
    "receive": "socket -> process; domain -> task",
    "bind": "process -> socket: listens there",
    "resolve": "process, address or host -> domain",
    "access": "process -> process: opened it; process, address or user -> user, service, host",
    "inject": "process -> process: remote thread, written memory, replaced image",
    "signal": "process -> process",
    "logon": "address, host or user -> session, user or host",
    "logoff": "session -> host",
    "start": "user or process -> service or task; session or user -> process: it runs there",
    "install": "user, process or file -> service or task",
    "change": "user or process -> user, service, task, host or file (a share): settings and rights",
}

# What a claim says. Facts as they were logged: what follows from them is decided when a graph is
# built, see store/identity.py.
CLAIMS = {
    "process": "a process that its source tells from all others had this process id",
    "birth": "such a process began",
    "death": "such a process ended",
    "pid birth": "a process known by its process id alone began",
    "pid death": "the process that then had this process id ended",
    "logon": "a logon session was opened",
    "logoff": "a logon session ended",
    "boot": "the host started: its process and logon ids are used anew",
    "sid": "an account has this SID",
    "name": "a host is also called this",
    "address": "a host has this address",
    "connect": "a process opened a connection from this end to the far one",
    "accept": "a process took a connection from this end at the far one",
    "caller": "a logon, a request or a connection came from this end",
    "flow": "a sensor on the way saw a connection from this end to the far one",
    "clock": "the log's own stamp is so many quarters of an hour before the event's time",
}


def id_text(number: int) -> str:
    """Return the id of an entity as people and findings have it, of its signed 64 bits.

    >>> id_text(-1), id_text(10)
    ('ffffffffffffffff', '000000000000000a')
    """
    return f"{int(number) & (2**64 - 1):016x}"
