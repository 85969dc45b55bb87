"""Azure: the activity log, Entra's sign-ins and its audits of changes in the directory.

As the management and Graph interfaces give them, as diagnostic settings store them, as tables of
Log Analytics (JSON or CSV), and as Python's client writes them; one a line, in arrays, in `value`
or `records`.

Source: Microsoft's reference of these schemas.
"""

import re

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT, YIELDS
from graphad.decoders.cloud_sniff import columns, keys
from graphad.parse import Decoder, Options, Parser

_NAMES = re.compile(
    rb'"(operation_name|operationName|OperationNameValue|OperationName|resource_id|resourceId'
    rb"|ResourceId|_ResourceId|caller|Caller|callerIpAddress|CallerIpAddress|event_timestamp"
    rb"|eventTimestamp|subscription_id|subscriptionId|SubscriptionId|correlation_id|correlationId"
    rb"|CorrelationId|userPrincipalName|UserPrincipalName|appDisplayName|AppDisplayName"
    rb"|conditionalAccessStatus|ConditionalAccessStatus|deviceDetail|DeviceDetail|ipAddress"
    rb"|IPAddress|initiatedBy|InitiatedBy|targetResources|TargetResources|activityDisplayName"
    rb'|ActivityDisplayName|activityDateTime)"\s*:'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that these are JSON or rows with the names of Azure's records."""
    names = set(_NAMES.findall(head)) if keys(head) else columns(head)
    known = {name.replace(b"_", b"").lower() for name in names}
    about = (
        {b"operationname", b"resourceid", b"caller"},
        {b"operationnamevalue", b"resourceid", b"caller"},
        {b"operationname", b"resourceid", b"calleripaddress"},
        {b"operationname", b"resourceid", b"correlationid"},
        {b"userprincipalname", b"appdisplayname", b"ipaddress"},
        {b"initiatedby", b"targetresources"},
    )
    return 0.9 if any(some <= {*known, *names} for some in about) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.cloud_azure import decoder as azure_decoder

    return azure_decoder(options)


parser = Parser(
    name="azure",
    about="Azure activity log, Entra sign-ins and audits: who did what to which resource",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields=YIELDS,
)
