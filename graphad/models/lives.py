"""Which of several lives of one id a moment belongs to: process and logon ids are used again.

A life is a span in which an id such as a pid meant one thing. Log stamps are cut to seconds or
written a little late, so a moment may lie up to `slack` outside the life that it belongs to.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
STEPS = 8  # lives looked at for one moment; more than that begin within the slack of no honest log
NEVER = np.iinfo(np.int64).max  # when a life ended whose end nobody told


class Spans(NamedTuple):
    """L lives: id, first and last moment, and what was run, -1 if that is not known."""

    of: Ints
    born: Ints
    ended: Ints
    program: Ints


def alive(lives: Spans, of: Ints, at: Ints, program: Ints, slack: int) -> tuple[Ints, Ints]:
    """Return (the life each moment [A] belongs to, or -1; the last that had begun, or -1).

    Of the lives of that id which fit - begun by `at` + slack, not ended before `at` - slack, not
    of another program - it is the latest, but none before the latest that had surely begun: at
    `at` - slack the id was that one's. Of lives that began at once the last given comes first.
    """
    if not len(lives.of):
        return np.full(len(at), -1, np.int64), np.full(len(at), -1, np.int64)
    order = np.lexsort((lives.born, lives.of))
    key, born = lives.of[order], lives.born[order]
    last = _last_begun(key, born, of, at + slack)
    begun = np.where(last >= 0, order[last], -1)
    found = np.full(len(at), -1, np.int64)
    open_ = np.flatnonzero(last >= 0)
    place = last[open_]
    for _ in range(STEPS):
        if not len(open_):
            break
        life = order[place]
        fits = lives.ended[life] >= at[open_] - slack
        both = np.minimum(lives.program[life], program[open_]) >= 0
        fits &= ~both | (lives.program[life] == program[open_])
        found[open_[fits]] = life[fits]
        # One that began before `at` - slack leaves no room for those that began before it.
        at_once = born[place - 1] == born[place]
        further = ~fits & ((born[place] > at[open_] - slack) | at_once) & (place > 0)
        further[further] = key[place[further] - 1] == of[open_[further]]
        open_, place = open_[further], place[further] - 1
    return found, begun


def _last_begun(key: Ints, born: Ints, of: Ints, by: Ints) -> Ints:
    """Return the place of each id's last life begun by a moment, -1 if none; lives are in order."""
    lives = len(key)
    every: Any = np.concatenate
    order = np.lexsort((np.arange(lives + len(of)) >= lives, every([born, by]), every([key, of])))
    is_life = order < lives
    place = np.maximum.accumulate(np.where(is_life, order, -1))
    last = np.empty(len(of), np.int64)
    last[order[~is_life] - lives] = place[~is_life]
    last[key[last] != of] = -1
    return last


def clusters(of: Ints, at: Ints, gap: int) -> Ints:
    """Return numbers [N] of runs: moments of one id that follow each other within `gap`.

    They count in the order of id and time.
    """
    order = np.lexsort((at, of))
    fresh = np.ones(len(order), bool)
    fresh[1:] = (np.diff(of[order]) != 0) | (np.diff(at[order]) > gap)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(fresh) - 1
    return number
