"""Commands on models: fit one, let it learn more, list them, go back to an earlier one."""

from pathlib import Path
from typing import Any

import click

from graphad.cli.options import (
    budget_option,
    detector_options,
    detector_settings,
    format_option,
    store_option,
)


@click.command()
@store_option
@click.option("--since", help="Begin of the quiet window, RFC 3339.")
@click.option("--until", help="Its end, not counted in.")
@budget_option
@detector_options
def fit(store: Path, since: str | None, until: str | None, budget: float, **given: Any) -> None:
    """Fit a model on a quiet window; calibrate it on the last third of its active hours.

    \b
    graphad fit --until 2026-11-22
    graphad score --since 2026-11-22
    """
    from graphad.cli import show
    from graphad.cli.progress import Progress
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    detector, settings = detector_settings(given)
    with Progress(False) as progress:
        model = opened.fit(
            start=since, end=until, settings=settings, budget=budget, detector=detector,
            truth=given["labels"], stage=progress.stage,
        )  # fmt: skip
    click.echo(model)
    fitted, calibration, _ = opened.model(model)
    if fitted.regime:
        click.echo(fitted.regime, err=True)
    show.calibration(calibration)


@click.command()
@store_option
@click.option(
    "--model", help="Event or relation model that goes on; the event model in use if not given."
)
@click.option("--since", help="Begin of the window to learn, RFC 3339.")
@click.option("--until", help="Its end, not counted in.")
@budget_option
def update(
    store: Path, model: str | None, since: str | None, until: str | None, budget: float
) -> None:
    """Let an event or relation model learn a further window, say a day; the model before stays.

    \b
    graphad update --since 2026-11-22 --until 2026-11-23
    graphad use event-93f2c1       back to the model before
    """
    from graphad.cli import show
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    name = opened.update(model=model, start=since, end=until, budget=budget)
    click.echo(name)
    show.calibration(opened.model(name)[1])


@click.command()
@store_option
@format_option("table", "json", "ndjson", "csv")
def models(store: Path, form: str | None) -> None:
    """List the kept models: what each learned, and which are in use."""
    from graphad.cli import show
    from graphad.workspace import open_store

    found = open_store(store, create=False).models()
    show.rows(
        [
            {
                "model": one.model, "in_use": one.in_use, "calibrated": one.calibrated,
                "start": one.start, "end": one.end, "parent": one.parent,
                "learned": ", ".join(f"{n:,} {kind}" for kind, n in one.learned.items()),
                "agreement": ", ".join(f"{kind} {r:.2f}" for kind, r in one.agreement.items()),
                "regime": one.regime,
            }
            for one in found
        ],
        form,
    )  # fmt: skip


@click.command()
@store_option
@click.argument("model")
def use(store: Path, model: str) -> None:
    """Put MODEL, which was fitted before, into use: the way back after an update that did harm.

    \b
    graphad models
    graphad use event-93f2c1
    """
    from graphad.workspace import open_store

    click.echo(open_store(store, create=False).use(model))
