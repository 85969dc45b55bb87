"""Commands give memory back that they have freed; who chose an allocator keeps it."""

import os
import subprocess
import sys

import pytest

# Holds and frees 400 MB in blocks of 8 MB, with a small one that stays above each.
GIVEN_BACK = """
import re, sys
from graphad.cli import memory
if sys.argv[1] == "given":
    memory.give_back()
import numpy as np, pyarrow as pa

def held():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024

for _ in range(3):  # an allocator that is left alone learns from it to keep larger ones
    np.ones(30 << 17)
before = held()
large, small = [], []
for _ in range(50):
    large.append(np.ones(1 << 20))
    small.append(np.ones(1 << 10))
most = held()
del large
print(pa.default_memory_pool().backend_name, most - before, held() - before)
"""


def freed(which: str, **chosen: str) -> tuple[str, int, int]:
    """Return the name of Arrow's allocator, and the MB that were held, then still held."""
    plain = {n: v for n, v in os.environ.items() if not n.startswith(("MALLOC_", "ARROW_"))}
    done = subprocess.run(
        [sys.executable, "-c", GIVEN_BACK, which], env=plain | chosen, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    name, most, left = done.stdout.split()
    return name, int(most), int(left)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_freed_memory_goes_back() -> None:
    name, most, left = freed("given")
    assert name == "system"
    assert most > 350
    assert left < most / 4


def test_an_allocator_that_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphad.cli import memory

    def refuse(_: object) -> None:
        raise AssertionError("the allocator was changed")

    monkeypatch.setattr("ctypes.CDLL", refuse)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    memory.give_back()
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "mimalloc"


def test_another_libc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphad.cli import memory

    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    memory.give_back()
