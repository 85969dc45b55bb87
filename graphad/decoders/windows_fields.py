"""Which fields of Windows events fill which columns, for every shape of JSON they come in.

Sources: Sysmon's manifest (15), Microsoft's auditing reference, winlogbeat's exported fields.
"""

# column: names of the event's own data that fill it, the one that goes first first; ~ is a space
_DATA = """
ts              UtcTime
process_guid    SourceProcessGUID SourceProcessGuid ProcessGuid
pid             SourceProcessId ProcessId ProcessID processId Processid CallerProcessId \
ClientProcessId
tid             SourceThreadId
exe             SourceImage Image ProcessName Process~Name Application CallerProcessName \
processPath
command_line    CommandLine
cwd             CurrentDirectory
parent_guid     ParentProcessGuid
parent_pid      ParentProcessId
parent_exe      ParentImage ParentProcessName
parent_command  ParentCommandLine
target_guid     TargetProcessGUID TargetProcessGuid
target_pid      TargetProcessId NewProcessId
target_exe      TargetImage NewProcessName TargetProcessName
file_path       TargetFilename ImageLoaded Device ObjectName RelativeTargetName ServiceFileName \
ImagePath Path FileName ProviderPath ActionName
new_path        NewName LinkName
registry_path   TargetObject
registry_data   Details NewValue
src_ip          SourceIp SourceAddress IpAddress ClientAddress Address
src_port        SourcePort IpPort
src_host        SourceHostname WorkstationName Workstation ClientName ClientMachine
dst_ip          DestinationIp DestAddress
dst_port        DestinationPort DestPort
dst_host        DestinationHostname TargetServerName
protocol        Protocol
direction       Initiated Direction
domain          QueryName
answer          QueryResults
result          QueryStatus Status ResultCode
error           FailureReason
pipe            PipeName
hashes          Hashes Hash
action          EventType Operation
user            User SubjectUserName UserContext UserName AccountName jobOwner username \
Detection~User
user_domain     SubjectDomainName AccountDomain
user_sid        SubjectUserSid
logon_id        LogonId SubjectLogonId LogonID
logon_guid      LogonGuid
logon_type      LogonType
target_user     TargetUserName
target_domain   TargetDomainName
target_sid      TargetSid TargetUserSid
target_logon    TargetLogonId
service         ServiceName
task_name       TaskName Consumer CONSUMER
share           ShareName
object_type     ObjectType ObjectClass
access          GrantedAccess AccessMask
access_list     AccessList
handle          HandleId
args            PrivilegeList
call_trace      CallTrace
script          ScriptBlockText Payload TaskContent TaskContentNew
context         ContextInfo
file_version    FileVersion
description     Description
product         Product
company         Company
original_name   OriginalFileName
signature       Signature
created_time    CreationUtcTime
previous_time   PreviousCreationUtcTime
"""
_GROUPS = (
    "", "winlog.event_data.", "event_data.", "EventData.", "Event.EventData.",
    "Event.EventData.Data[].", "winlog.user_data.",
    *(f"Event.UserData.{name}." for name in (
        "LogFileCleared", "EventXML", "Operation_ClientFailure", "Operation_StartedOperational",
        "Operation_TemporaryEssStarted", "Operation_ESStoConsumerBinding",
    )),
)  # fmt: skip
_ATTRIBUTES = ("@", "#attributes.")  # how XML attributes are written

# what the log says about the event
_SYSTEM = """
code            EventID EventId EventCode event_id winlog.event_id event.code \
Event.System.EventID Event.System.EventID.#text
channel         Channel channel log_name winlog.channel Event.System.Channel
provider        SourceName ProviderName Provider source_name winlog.provider_name \
Event.System.Provider.@Name Event.System.Provider.#attributes.Name
host            Hostname Computer ComputerName computer_name winlog.computer_name \
Event.System.Computer host.name host.hostname beat.hostname
event_number    RecordNumber EventRecordID record_number winlog.record_id Event.System.EventRecordID
event_time      TimeCreated Event.System.TimeCreated.@SystemTime SystemTime \
Event.System.TimeCreated.#attributes.SystemTime
local_time      EventTime
received_time   @timestamp event.created
received_local  EventReceivedTime
logger_pid      ExecutionProcessID process_id winlog.process.pid \
Event.System.Execution.@ProcessID Event.System.Execution.#attributes.ProcessID
logger_tid      ThreadID thread_id winlog.process.thread.id \
Event.System.Execution.@ThreadID Event.System.Execution.#attributes.ThreadID
message         Message message Event.RenderingInfo.Message
"""


def _table(text: str) -> list[tuple[str, list[str]]]:
    rows = [line.split() for line in text.replace("\\\n", "").strip().splitlines()]
    return [(column, [name.replace("~", " ") for name in names]) for column, *names in rows]


def _fields() -> list[tuple[str, str]]:
    system = [(name, column) for column, names in _table(_SYSTEM) for name in names]
    taken = {path for path, _ in system}
    data = [
        (group + name, column)
        for column, names in _table(_DATA)
        for name in names
        for group in _GROUPS
    ]
    return system + [(path, column) for path, column in data if path not in taken]


FIELDS = _fields()
