"""Memory that was freed goes back to the system, so a long run's peak is that of one step of it.

The allocators that we use keep what is freed for what may come: after an hour of steps that each
need a gigabyte for something else, twice of it is held. Only commands do this, for it is a choice
for a whole process; who has made it in the environment keeps it.
"""

import ctypes
import os

# Freed blocks of so many bytes go back. Smaller ones would cost a fifth more time: each is then
# zeroed anew.
_LEAST = 4 << 20
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)


def give_back() -> None:
    """Have freed memory go back; call it before Arrow is imported. Does nothing without glibc."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another libc, another system
        return
    mallopt(_TRIM_THRESHOLD, _LEAST)
    mallopt(_MMAP_THRESHOLD, _LEAST)
    mallopt(_ARENA_MAX, max(os.cpu_count() or 1, 2))
