"""How surprising a link is, and how often one of its kind is as surprising.

A share says how seldom a sender does this; on a real host most links are rare in that sense, for
most objects are named once (temporary files, registry values). So a share is held against the
others of its kind: how many links at least as surprising does an hour of a host bring? That number
is the same for registry values, which are new all day, and for launches, which are not.
Source: shrinkage and smoothing as gid section 6; new links as in Neil et al., US 9,038,180; the
rest is ours.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOUR_S = 3600.0  # seconds
_STEP = 2.0**20  # bits are compared on a grid of 2**-20, so that equal shares stay equal


def share_bits(seen: Floats, sent: Floats, base: Floats, shrinkage: float) -> Floats:
    """Return -log2 of (seen + a base) / (sent + a), never below 0; a is the shrinkage.

    Shape: all [N]. seen: how often a sender did this; sent: how often it did anything of the kind;
    base in (0, 1]: the share that this has among all senders. a must be positive where seen is 0.

    >>> share_bits(np.array([1.0]), np.array([4.0]), np.array([0.5]), 0.0)
    array([2.])
    """
    share = (seen + shrinkage * base) / np.maximum(sent + shrinkage, 1e-300)
    bits: Floats = -np.log2(np.clip(share, 1e-300, 1.0)) + 0.0
    return bits


def rate_bits(rate: Floats) -> Floats:
    """Return log2(1 + s), s the mean seconds between two such links; rate is that of an hour.

    About -log2 of the rate, but never negative and never without a slope, so the order survives.
    Once a minute is 5.9 bits, once an hour 11.8, once a day 16.4, once a week 19.2.

    >>> rate_bits(np.array([60.0, 1.0, 1 / 24])).round(1)
    array([ 5.9, 11.8, 16.4])
    """
    bits: Floats = np.log2(1.0 + HOUR_S / rate)
    return bits


@dataclass(frozen=True)
class Tails:
    """For each of G groups, how much weight lies at or above a number of bits.

    `levels` [M] are the bits that occur, ascending; `keys` [R] = group * (M + 1) + level, sorted;
    `above` [R + 1] weight from the end of all on.
    """

    levels: Floats
    keys: Ints
    above: Floats
    groups: int

    @classmethod
    def of(cls, group: Ints, bits: Floats, weight: Floats, groups: int) -> "Tails":
        """Return the tails of R members. Shape: group in [0, groups), bits, weight, all [R]."""
        steps = np.rint(bits * _STEP)
        levels, level = np.unique(steps, return_inverse=True)
        keys = group * (len(levels) + 1) + level.ravel()
        order = np.argsort(keys, kind="stable")
        above = np.zeros(len(keys) + 1)
        above[:-1] = np.cumsum(weight[order][::-1])[::-1]
        return cls(levels, keys[order], above, groups)

    def at(self, group: Ints, bits: Floats) -> Floats:
        """Return the weight at or above bits in each group; 0 for a group of -1. Shape: [N].

        >>> tails = Tails.of(np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0]), np.ones(3), 2)
        >>> tails.at(np.array([0, 0, 1, -1]), np.array([2.0, 0.5, 9.0, 0.0]))
        array([1., 2., 0., 0.])
        """
        wide = len(self.levels) + 1
        level = np.searchsorted(self.levels, np.rint(bits * _STEP))
        held = np.maximum(group, 0)
        begin = np.searchsorted(self.keys, held * wide + level)
        end = np.searchsorted(self.keys, (held + 1) * wide)
        found: Floats = np.where(group >= 0, self.above[begin] - self.above[end], 0.0)
        return np.maximum(found, 0.0)


def rates(
    bits: Floats,
    own: Floats,
    kind: tuple[Tails, Ints, float],
    sender: tuple[Tails, Ints, Floats],
    prior: float,
) -> Floats:
    """Return how many links as surprising an hour of a host brings, [N].

    The larger of two rates: that of the link's kind over all hours (kind: tails, group [N], hours),
    and that of this sender over the hours it was active in (sender: tails, group [N], hours [N]),
    drawn to the first by a weight of `prior` hours. A sender that always does new things is thus
    not surprising when it does another. own [N] is what a link itself put into the tails, taken out
    again: nothing is judged by what was learned from it.
    """
    tails, group, hours = kind
    above = np.maximum(tails.at(group, bits) - own, 0.0)
    common: Floats = (above + 0.5) / (hours + 1.0)
    tails, group, active = sender
    above = np.maximum(tails.at(group, bits) - own, 0.0)
    personal = (above + prior * np.minimum(common, 1.0)) / (np.maximum(active - own, 0.0) + prior)
    rate: Floats = np.maximum(common, personal)
    return rate
