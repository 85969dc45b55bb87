"""Checks objects against what OCSF says of the attributes that graphad writes.

ocsf_facts.json holds facts of the schema alone: names, types, what is required, what goes together.
An attribute that is not in there is a fault, whether OCSF lacks it or nobody looked it up.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("ocsf_facts.json").read_text())[
    "objects"
]
_WHOLE = ("integer_t", "long_t", "timestamp_t", "port_t")
_FREE = ("json_t", "object")


def faults(value: Any, kind: str = "detection_finding", path: str = "") -> Iterator[str]:
    """Yield what is wrong with an object of a kind, in all that is in it."""
    if not isinstance(value, dict):
        yield f"{path} is no {kind}"
        return
    facts = FACTS[kind]
    profiles = value.get("metadata", {}).get("profiles", ()) if not path else None
    for name, attribute in facts["attributes"].items():
        if attribute.get("required") and name not in value:
            yield f"{path}.{name} is missing"
    for name, inner in value.items():
        attribute = facts["attributes"].get(name)
        here = f"{path}.{name}"
        if attribute is None:
            yield f"{here} is unknown"
            continue
        if profiles is not None and attribute.get("profile", "host") not in (*profiles, "host"):
            yield f"{here} needs the profile {attribute['profile']}"
        if attribute.get("array", False) != isinstance(inner, list):
            yield f"{here} is an array or is none"
            continue
        for item in inner if attribute.get("array") else [inner]:
            yield from _one(item, attribute, here)
    for rule, names in facts["constraints"].items():
        count = sum(name in value for name in names)
        if (rule == "at_least_one" and count < 1) or (rule == "just_one" and count != 1):
            yield f"{path} needs {rule} of {names}"


def _one(item: Any, attribute: dict[str, Any], here: str) -> Iterator[str]:
    kind = attribute["type"]
    if kind in FACTS:
        yield from faults(item, kind, here)
    elif kind in _FREE:
        return
    elif kind in _WHOLE:
        if not isinstance(item, int) or isinstance(item, bool) or not -(2**63) <= item < 2**63:
            yield f"{here} is no {kind}: {item!r}"
        elif "enum" in attribute and item not in attribute["enum"]:
            yield f"{here} has no value {item}"
    elif kind == "boolean_t":
        if not isinstance(item, bool):
            yield f"{here} is no boolean"
    elif not isinstance(item, str):
        yield f"{here} is no text: {item!r}"
