"""One HTML page that needs nothing else: its scripts and styles are in it, and it asks for nothing.

What a log says reaches the page in two ways alone: through the template, which escapes every value,
and through JSON in data blocks, which the script shows as text. Its content security policy allows
the page's own script and style by their digests and nothing else, so even a value that slipped
through could not run, and no request leaves.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from graphad.findings import Finding, percent, weight
from graphad.incident_text import duration
from graphad.incident_tree import tree
from graphad.incidents import microseconds
from graphad.judge import rfc3339
from graphad.report import assets, charts, islands
from graphad.report.drawing import PLURALS, brief, draw
from graphad.report.gather import Facts
from graphad.sanitize import json_island, terminal
from graphad.schema import DETECTORS, SEVERITIES
from graphad.version import VERSION

TEMPLATE = Path(__file__).parent / "template"
SCRIPTS = ("dom.js", "graph.js", "incidents.js", "table.js")  # in this order


def page(facts: Facts, made: datetime | None = None) -> bytes:
    """Return the page; the same facts and the same time give the same bytes.

    made: when it was made, now if not given.
    """
    vendored = "\n".join(assets.scripts().values())
    own = "\n".join((TEMPLATE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    own = f'"use strict";\n(() => {{\n{own}\n}})();\n'
    style = (TEMPLATE / "page.css").read_text(encoding="utf-8")
    entities, evidences = islands.Entities(), islands.Evidences()
    drawings = [draw(incident) for incident in facts.incidents]
    graphs = [
        islands.graph(incident, drawing, entities, evidences)
        for incident, drawing in zip(facts.incidents, drawings, strict=True)
    ]
    drawn = [incident.id for incident in facts.incidents]
    data = {
        "rows": islands.rows(facts.findings, entities), "incidents": drawn,
    }  # fmt: skip
    details = islands.details(facts.findings, entities, evidences)
    text = _environment().get_template("page.html").render(
        policy=policy([vendored, own], [style]),
        vendored=Markup(vendored), own=Markup(own), style=Markup(style),  # noqa: S704
        islands={
            "data": Markup(json_island(data)),  # noqa: S704
            "entities": Markup(json_island(entities.rows)),  # noqa: S704
        },
        packed={
            "details": packed(details),
            "evidence": packed([evidences.sources, evidences.rows]),
        },
        graphs=[Markup(json_island(graph)) for graph in graphs],  # noqa: S704
        drawings=drawings, facts=facts, left_out=evidences.left_out,
        made=(made or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        version=VERSION, vendor=assets.manifest(), charts=charts, wide=charts.WIDE,
        plots=_plots(facts), heat=charts.heat(facts.findings, facts.records, facts.axis),
        span=_span(facts.findings), hosts=sorted({f.host for f in facts.findings}),
        severities=[s for s in SEVERITIES if any(f.severity == s for f in facts.findings)],
        alerts=sum(bool(f.alert) for f in facts.findings),
    )  # fmt: skip
    return text.encode()


def packed(data: Any) -> str:
    """Return data as gzip in base64: raw lines shrink to a tenth, and no parser looks into them."""
    return base64.b64encode(gzip.compress(json_island(data).encode(), 6, mtime=0)).decode()


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return a content security policy that allows these texts, and pictures that are in the page.

    Source: W3C, Content Security Policy Level 3, section 2.3.1. The digest is of the text as the
    parser hands it over, so no text may hold what the parser changes or ends a block at.

    Raises: ValueError: one holds a carriage return, NUL, `</script`, `</style` or `<!--`.
    """

    def digests(texts: Iterable[str]) -> str:
        found = []
        for text in texts:
            for bad in ("\r", "\0", "</script", "</style", "<!--"):
                if bad in text.lower():
                    raise ValueError(f"A script or style must not hold {bad!r}.")
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            found.append(f"'sha256-{digest}'")
        return " ".join(found)

    return (
        f"default-src 'none'; script-src {digests(scripts)}; style-src {digests(styles)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _visible(value: Any) -> Any:
    """Return a value for the template, which escapes it: what has no ink is shown as an escape."""
    return terminal(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, finalize=_visible,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {
        "brief": brief,
        "moment": _moment,
        "percent": percent,
        "plural": lambda count, one: one if count == 1 else PLURALS.get(one, f"{one}s"),
        "weight": weight,
        "lasted": lambda one: duration(microseconds(one.end) - microseconds(one.start)),
        "tree": tree,
        "us": _of_microseconds,
    }
    return made


def _moment(ts: str) -> str:
    """Return a time to the second.

    >>> _moment("2026-03-02T10:00:00.250000Z")
    '2026-03-02 10:00:00'
    """
    return ts[:19].replace("T", " ") if "T" in ts else ts


def _of_microseconds(us: int | None) -> str:
    return "" if us is None else _moment(rfc3339(us))


def _plots(facts: Facts) -> list[dict[str, Any]]:
    """Return the pictures of each detector's scores."""
    plots = []
    names = {finding.detector for finding in facts.findings}
    for detector in sorted(names, key=lambda name: (name not in DETECTORS, name)):
        mine = [finding for finding in facts.findings if finding.detector == detector]
        thresholds = {
            judge.version.model: judge.calibration.threshold
            for judge in facts.judges
            if judge.calibration and judge.version.detector == detector
        }
        plots.append(
            {
                "detector": detector, "count": len(mine),
                "time": charts.plot(mine, thresholds, facts.axis),
                "spread": charts.histogram(mine, thresholds),
            }
        )  # fmt: skip
    return plots


def _span(found: Iterable[Finding]) -> tuple[str, str] | None:
    ends = [(f.start, f.end) for f in found]
    if not ends:
        return None
    return min((s for s, _ in ends), key=microseconds), max((e for _, e in ends), key=microseconds)
