"""What the Kubernetes audit log says: who did what to which object of the cluster, from where.

Versions v1, v1beta1 and v1alpha1 of audit.k8s.io, an event a line, a webhook's lists, arrays.

Source: Kubernetes' reference of audit.k8s.io.
"""

import re
from typing import Any

from graphad.decoders.cloud_acts import CHANGE, CREATE, DELETE, READ, acts, named, user
from graphad.decoders.cloud_decode import CloudDecoder, Edge, Thing, Told
from graphad.decoders.cloud_values import address, at, first, nested, parts, text, time_us
from graphad.parse import Options

FIELDS = [
    ("stageTimestamp", "ts"), ("verb", "code"), ("stage", "action"), ("level", "channel"),
    ("user.username", "user"), ("user.uid", "user_sid"),
    ("impersonatedUser.username", "target_user"), ("objectRef.resource", "object_type"),
    ("requestURI", "args"), ("userAgent", "exe"), ("responseStatus.reason", "error"),
]  # fmt: skip
ENVELOPES = ["items", "events", "logEvents", "records"]
HOST = "kubernetes"  # events do not name their cluster; --host does
_WAITING = ("RequestReceived",)
_VERBS = {
    "get": READ, "list": READ, "watch": READ, "head": READ, "proxy": READ, "create": CREATE,
    "delete": DELETE, "deletecollection": DELETE,
}  # fmt: skip
# What a set of pods or a job appends to a name.
_APPENDED = re.compile(r"(?:-[0-9a-z]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}$")
_MADE = ("pods", "replicasets", "jobs", "events")


def decoder(options: Options) -> CloudDecoder:
    """Return a decoder of audit events; a cluster without a name is called kubernetes."""
    return CloudDecoder(FIELDS, options, tell, ENVELOPES)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what an event says; CloudWatch and Azure Monitor hold it as text."""
    inner = nested(event, "message") or nested(event, "properties", "log") or nested(event, "log")
    columns = {}
    if inner is not None:
        event = inner
        columns = {
            column: text(event, *path.split(".")) for path, column in FIELDS if column != "ts"
        }
    when = first(event, "stageTimestamp", "requestReceivedTimestamp", "timestamp")
    told = Told(ts=time_us(when), host=options.host or HOST, fields=dict(columns))
    what, name = text(event, "verb"), text(event, "user", "username")
    if what is None:
        told.reason = "no verb"
        return told
    if text(event, "stage") in _WAITING:
        told.rule = "request received: its answer is another event"
        return told
    if name is None:
        told.rule = "nobody is named who acted"
        return told
    code = text(event, "responseStatus", "code")
    outcome = None
    if code and code.isdecimal():
        outcome = "failure" if int(code) >= 400 else "success"
    if text(event, "annotations", "authorization.k8s.io/decision") == "forbid":
        outcome = "failure"
    ips = at(event, "sourceIPs")
    said = (
        next((one for one in ips if isinstance(one, str)), None) if isinstance(ips, list) else None
    )
    who, real = user(name), user(name)
    if other := text(event, "impersonatedUser", "username"):
        who = user(other)
    ip = address(said)
    things = _things(event, what)
    told.fields["src_ip"] = ip
    told.edges = acts(who, ip if who == real else None, _operation(event, what), things, outcome)
    if who != real:
        told.edges.insert(0, Edge(real, "logon", who, outcome))
        if ip:
            told.edges.insert(0, Edge(named("address", ip), "logon", real, outcome))
    told.edges += _runs_as(event, outcome)
    return told


def _operation(event: dict[str, Any], what: str) -> str:
    """Return what was asked for: verb, kind and part of the object, or the path's first words."""
    kind = text(event, "objectRef", "resource")
    if kind is None:
        uri = (text(event, "requestURI") or "/").partition("?")[0]
        return f"{what} {'/'.join(uri.split('/')[:3])}"
    part = text(event, "objectRef", "subresource")
    return f"{what} {kind}{'/' + part if part else ''}"


def _things(event: dict[str, Any], what: str) -> list[tuple[str, Thing]]:
    reference = at(event, "objectRef")
    kind, name = text(reference, "resource"), text(reference, "name")
    place = text(reference, "namespace")
    name = name or text(event, "responseObject", "metadata", "name")
    name = name or text(event, "requestObject", "metadata", "name")
    does = _VERBS.get(what, CHANGE)
    if text(reference, "subresource") and does in (CREATE, DELETE):
        does = CHANGE  # of a pod's exec, a deployment's scale: the object was there before
    found = []
    if kind and name and not (kind.endswith("reviews") or kind == "events"):
        found.append((does, _thing(kind, place, name)))
    if kind in ("rolebindings", "clusterrolebindings") and does != READ:
        for one in parts(event, "requestObject", "subjects"):
            subject = text(one, "name")
            if subject and text(one, "kind") == "ServiceAccount":
                subject = _account(text(one, "namespace") or place, subject)
            if subject:
                found.append((CHANGE, user(subject)))
        role = text(event, "requestObject", "roleRef", "name")
        if role:
            found.append((READ, named("file", f"roles/{role}")))
    return found


def _account(namespace: str | None, name: str) -> str:
    return f"system:serviceaccount:{namespace or 'default'}:{name}"


def _thing(kind: str, namespace: str | None, name: str) -> Thing:
    """Return an object of the cluster: accounts, nodes and workloads, or else data."""
    if kind == "serviceaccounts":
        return user(_account(namespace, name))
    if kind in ("users", "groups"):
        return user(name)
    if kind == "nodes":
        return named("host", name)
    place = f"{kind}/{namespace}/" if namespace else f"{kind}/"
    key = place + name
    label = place + (_APPENDED.sub("", name) if kind in _MADE else name)
    runs = ("pods", "deployments", "daemonsets", "statefulsets", "jobs", "cronjobs", "replicasets")
    return Thing("service" if kind in runs else "file", key, label)


def _runs_as(event: dict[str, Any], outcome: str | None) -> list[Edge]:
    """Return whose rights a new pod gets: what runs in it acts as that account."""
    if text(event, "verb") != "create" or text(event, "objectRef", "resource") != "pods":
        return []
    if text(event, "objectRef", "subresource"):
        return []
    place = text(event, "objectRef", "namespace")
    name = first(
        event, "objectRef.name", "responseObject.metadata.name", "requestObject.metadata.name"
    )
    account = first(
        event, "responseObject.spec.serviceAccountName", "requestObject.spec.serviceAccountName"
    )
    if name is None or account is None:
        return []
    return [Edge(_thing("pods", place, name), "logon", user(_account(place, account)), outcome)]
