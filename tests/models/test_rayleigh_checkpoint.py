"""A training that was stopped goes on and gives the same bytes; nothing is left over."""

from pathlib import Path

import numpy as np
import pytest

from graphad.models import rayleigh_checkpoint
from graphad.models.rayleigh_checkpoint import Checkpoint, key_of
from tests.models.planted_graphs import planted

torch = pytest.importorskip("torch", reason="networks are trained by torch")

from graphad.models.rayleigh_network import RayleighNetwork  # noqa: E402

EPOCHS = 8


class StoppedError(Exception):
    """Stands in for a kill."""


@pytest.mark.parametrize("held", [0.0, 0.15])
@pytest.mark.parametrize("stop", [0, 3, 6])
def test_a_resumed_training_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: float, stop: int
) -> None:
    batch, truth = planted(60, 0.3, 0)
    whole = RayleighNetwork(epochs=EPOCHS, batch=16, held=held).fit(batch, truth)
    file = tmp_path / "more" / "training"
    seen = []

    def told(epoch: int, found: tuple[float, float]) -> None:
        seen.append(epoch)
        if len(seen) == stop + 1:
            raise StoppedError

    again = RayleighNetwork(epochs=EPOCHS, batch=16, held=held)
    monkeypatch.setattr(rayleigh_checkpoint, "EVERY", 0.0)
    with pytest.raises(StoppedError):
        again.fit(batch, truth, told, checkpoint=file)
    assert file.exists()
    again.fit(batch, truth, told, checkpoint=file)
    assert seen == list(range(EPOCHS))  # no epoch was done twice
    assert not list(file.parent.iterdir())
    np.testing.assert_array_equal(again.epochs_, whole.epochs_)
    for name, array in whole.dump()[1].items():
        assert again.dump()[1][name].tobytes() == array.tobytes(), name
    assert again.threshold_ == whole.threshold_


def test_a_file_of_another_training_or_a_damaged_one_is_not_used(tmp_path: Path) -> None:
    file = Checkpoint(tmp_path / "t", "a", 0.0)
    assert file.load() is None
    file.save({"x": np.arange(3.0)}, {"best": 1.5})
    found = file.load()
    assert found is not None
    np.testing.assert_array_equal(found[0]["x"], [0.0, 1.0, 2.0])
    assert found[1] == {"best": 1.5}
    assert Checkpoint(tmp_path / "t", "b").load() is None
    data = bytearray(file.path.read_bytes())
    for at in (0, len(data) // 2, len(data) - 1):
        bad = bytearray(data)
        bad[at] ^= 0x55
        file.path.write_bytes(bytes(bad))
        assert file.load() is None
    file.path.write_bytes(b"")
    assert file.load() is None
    (tmp_path / "t.9.tmp").write_bytes(b"half")
    file.remove()
    assert not list(tmp_path.iterdir())


def test_writes_are_not_too_often(tmp_path: Path) -> None:
    file = Checkpoint(tmp_path / "t", "a", 3600.0)
    file.save({"x": np.arange(3.0)}, {})
    assert not file.path.exists()


def test_keys_tell_trainings_apart() -> None:
    keys = {
        key_of([np.arange(3)], 1), key_of([np.arange(3)], 2), key_of([np.arange(4)], 1),
        key_of([np.arange(3.0)], 1), key_of([np.arange(3), np.arange(0)], 1),
    }  # fmt: skip
    assert len(keys) == 5
    assert key_of([np.arange(3)], 1) in keys
