"""What runs on a GPU has the numbers of our kernels; what is trained there, those of the CPU."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import chebyshev, rayleigh_checkpoint
from graphad.models.rayleigh import sums
from tests.models.graph_cases import Drawn, drawn_graphs
from tests.models.planted_graphs import planted

torch = pytest.importorskip("torch", reason="networks are trained by torch")

from graphad.models import torch_device  # noqa: E402
from graphad.models.rayleigh_network import RayleighNetwork  # noqa: E402

FORMS = {
    "default": {},
    "paper": {"filters": "trained", "encoder": True, "branch": "energy", "pool": "rayleigh mean"},
    "adjusted": {"loss": "adjusted", "select": "loss", "branch": "none", "pool": "mean"},
}
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
DEVICES = ["cpu", pytest.param("cuda", marks=needs_gpu)]


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=40, deadline=None)
@given(drawn_graphs(least=1), st.sampled_from([0.0, 1.0]), st.integers(1, 5))
def test_terms_sums_and_their_gradients_are_those_of_our_kernels(
    device: str, drawn: Drawn, isolated: float, depth: int
) -> None:
    batch = drawn.batch()
    x = batch.features.astype(np.float32)
    on = torch.from_numpy(x).to(device)
    matrix = torch_device.shifted(batch, isolated, device)
    told = torch_device.terms(on, matrix, depth)
    known = chebyshev.terms(batch, x, depth, isolated=isolated)
    largest = max(float(np.abs(known).max(initial=0.0)), 1.0)
    np.testing.assert_allclose(told.cpu().numpy(), known, atol=1e-5 * largest)
    back = torch_device.combined(told, matrix).cpu().numpy()
    np.testing.assert_allclose(
        back, chebyshev.combined(batch, known, isolated=isolated), atol=1e-4 * largest
    )
    added = torch_device.segment_sums(on, batch.start).cpu().numpy()
    np.testing.assert_allclose(added, sums(x, batch.start), atol=1e-5 * largest)


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        assert torch_device.chosen("auto").type == torch_device.chosen("cuda").type == "cuda"
    else:
        assert torch_device.chosen("auto").type == "cpu"
        with pytest.raises(ValueError, match="no GPU"):
            torch_device.chosen("cuda")
    assert torch_device.chosen("cpu").type == "cpu"
    with pytest.raises(ValueError, match="device"):
        RayleighNetwork(device="tpu")  # type: ignore[arg-type]


@needs_gpu
@pytest.mark.parametrize("form", FORMS)
def test_a_gpu_trains_what_a_cpu_trains_and_the_same_twice(form: str) -> None:
    batch, truth = planted(120, 0.3, 0)

    def fitted(device: str, epochs: int) -> RayleighNetwork:
        made = RayleighNetwork(epochs=epochs, batch=32, device=device, **FORMS[form])  # type: ignore[arg-type]
        return made.fit(batch, truth)

    # Before rounding has grown with the steps, both say the same. What a normalisation takes out
    # again has no gradient but rounding, of which Adam makes steps: that moves scores together.
    near = [fitted(device, 2).score(batch) for device in ("cpu", "cuda")]
    np.testing.assert_allclose(near[1], near[0], atol=5e-3 * np.abs(near[0]).max())
    one, two = fitted("cuda", 12), fitted("cuda", 12)
    assert one.epochs_ == two.epochs_
    for name, array in one.dump()[1].items():
        assert two.dump()[1][name].tobytes() == array.tobytes(), name


@needs_gpu
def test_a_training_on_a_gpu_resumes_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, truth = planted(60, 0.3, 0)
    monkeypatch.setattr(rayleigh_checkpoint, "EVERY", 0.0)
    whole = RayleighNetwork(epochs=6, batch=16, device="cuda").fit(batch, truth)
    again = RayleighNetwork(epochs=6, batch=16, device="cuda")

    def told(epoch: int, found: tuple[float, float]) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again.fit(batch, truth, told, checkpoint=tmp_path / "t")
    # A training of another device doesn't take it.
    other = RayleighNetwork(epochs=1, batch=16, device="cpu").fit(
        batch, truth, checkpoint=tmp_path / "t2"
    )
    assert other.parameters_ is not None
    again.fit(batch, truth, checkpoint=tmp_path / "t")
    for name, array in whole.dump()[1].items():
        assert again.dump()[1][name].tobytes() == array.tobytes(), name
