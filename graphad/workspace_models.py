"""Fitted models in a store: kept for good, each under its own id, one of each detector in use."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from graphad import judge
from graphad.annotated import Annotated
from graphad.detect import Detector
from graphad.detectors.registry import loaded
from graphad.errors import GraphadError, ModelError, UnknownName
from graphad.graph import Graph
from graphad.schema import DETECTORS
from graphad.store.manifest import write_atomic

if TYPE_CHECKING:
    from graphad.models.calibration import Calibration

CALIBRATION, ABOUT = "calibration.json", "about.json"
IN_USE = "LATEST"  # file with the id of the model in use
TRAINING = ".training"  # file of a training that was not finished
_LEFT = 86_400.0  # seconds after which a half-written model is nobody's


class Version(msgspec.Struct):
    """A kept model. start, end: RFC 3339, what it learned last; parent: what that went on from.

    learned: by kind; parent: None for a fit. agreement: of scores with exact likelihoods, regime:
    how it learned and why so, see Detector. calibrated, in_use: as of now.
    """

    model: str
    detector: str
    start: str
    end: str
    parent: str | None
    learned: dict[str, int]
    agreement: dict[str, float] = {}
    regime: str = ""
    calibrated: bool = False
    in_use: bool = False


class Modelled(Annotated):
    """A store with fitted models."""

    def model(self, name: str | None = None, detector: str = "path") -> tuple[Any, Any, str]:
        """Return a model, its calibration or None, and its id.

        If it is not named, the one of a detector that is in use. Raises: GraphadError if there is
        none, ModelError, UnknownName.
        """
        name = self.model_name(name, detector)
        kind = name.partition("-")[0]
        found = loaded(kind, self._folder(kind) / name)
        return found, self.calibration(name), name

    def model_name(self, name: str | None = None, detector: str = "path") -> str:
        """Return the id of a model that is kept, as `model` does. Raises: likewise."""
        if name is None:
            try:
                name = (self._folder(detector) / IN_USE).read_text().strip()
            except OSError as error:
                raise GraphadError(
                    f"No {detector} model is fitted.",
                    hint=f"Fit one: graphad fit --detector {detector}.",
                ) from error
        known = [path.name for kind in DETECTORS for path in self._kept(kind)]
        if name not in known:
            raise UnknownName.among("model", name, known)
        return name

    def calibration(self, name: str) -> "Calibration | None":
        """Return the calibration of a kept model, None if it has none. Raises: ModelError."""
        from graphad.models.calibration import Calibration

        path = self._folder(name.partition("-")[0]) / name / CALIBRATION
        try:
            return (
                Calibration.from_json(msgspec.json.decode(path.read_bytes()))
                if path.exists()
                else None
            )
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path} is damaged.") from error

    def models(self) -> list[Version]:
        """Return all kept models, those of one detector together, by when they were kept."""
        found = []
        for kind in DETECTORS:
            try:
                used = (self._folder(kind) / IN_USE).read_text().strip()
            except OSError:
                used = ""
            for path in self._kept(kind):
                try:
                    one = msgspec.json.decode((path / ABOUT).read_bytes(), type=Version)
                except (OSError, msgspec.DecodeError):  # of a graphad that did not write it
                    one = Version(path.name, kind, "", "", None, {})
                one.calibrated = (path / CALIBRATION).exists()
                one.in_use = path.name == used
                found.append(one)
        return found

    def damaged(self) -> Iterator[str]:
        """Return what is wrong with the kept models, one sentence each."""
        for kind in DETECTORS:
            for path in self._kept(kind):
                try:
                    self.model(path.name)
                except GraphadError as error:
                    yield f"model {path.name}: {str(error).rstrip('.')}"

    def use(self, name: str) -> str:
        """Put a kept model into use, as an earlier one after an update that did harm.

        name: its id or the id's unambiguous beginning. Returns the id. Raises: UnknownName.
        """
        known = [one.model for one in self.models()]
        near = [one for one in known if one == name] or [m for m in known if m.startswith(name)]
        if len(near) != 1:
            raise UnknownName.among("model", name, known)
        folder = self._folder(near[0].partition("-")[0])
        write_atomic(folder / IN_USE, near[0].encode())
        return near[0]

    def _folder(self, detector: str) -> Path:
        return self.path / "models" / detector

    def _kept(self, detector: str) -> list[Path]:
        folder = self._folder(detector)
        found = [path for path in folder.glob(f"{detector}-*") if path.is_dir()]
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))

    def _keep(
        self, detector: Detector, quiet: Iterable[Graph], budget: float,
        version: dict[str, Any] | None = None, kept_for: str = "",
    ) -> str:  # fmt: skip
        """Keep a model, calibrated on quiet graphs if these have events, and put it into use.

        kept_for: models that are the same, but kept for different things, have different ids.
        """
        from graphad.models.calibration import Calibration

        folder = self._folder(detector.name)
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".*new-*"):  # by one that was killed
            if time.time() - left.stat().st_mtime > _LEFT:
                shutil.rmtree(left, ignore_errors=True)
        aside = folder / f".new-{os.getpid()}"
        detector.save(aside)
        digest = hashlib.sha256((aside / "tensors.safetensors").read_bytes())
        digest.update((aside / "manifest.json").read_bytes() + kept_for.encode())
        name = f"{detector.name}-{digest.hexdigest()[:12]}"
        maxima, blocks, days = judge.quiet_reference(detector, quiet)
        if blocks:
            fitted = Calibration.fit(
                maxima, blocks=blocks, days=days, budget_per_day=budget, seed=0
            )
            write_atomic(aside / CALIBRATION, msgspec.json.encode(fitted.to_json()))
        told: dict[str, Any] = {"start": "", "end": "", "parent": None} | (version or {})
        about = Version(
            model=name, detector=detector.name, learned=detector.learned,
            agreement=detector.agreement, regime=detector.regime, **told,
        )  # fmt: skip
        write_atomic(aside / ABOUT, msgspec.json.encode(about))
        target = folder / name
        if target.exists():  # the same model, whose calibration may be another
            for path in sorted(aside.iterdir(), key=lambda path: path.name == ABOUT):
                path.replace(target / path.name)
            if not blocks:
                (target / CALIBRATION).unlink(missing_ok=True)
            aside.rmdir()
        else:
            aside.rename(target)
        write_atomic(folder / IN_USE, name.encode())
        return name
