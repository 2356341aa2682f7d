"""Seeded choices. Every draw comes from one Mersenne Twister's ``random()``, whose sequence Python guarantees."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """Random draws that are the same on every machine and Python version for one seed text."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def unit(self) -> float:
        """A float in 0..1."""
        return self._random()

    def uniform(self, low: float, high: float) -> float:
        """A float in low..high."""
        return low + (high - low) * self._random()

    def integer(self, low: int, high: int) -> int:
        """An integer in low..high, both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._random() < probability

    def sign(self) -> int:
        """-1 or 1."""
        return -1 if self._random() < 0.5 else 1

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[int(self._random() * len(items))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, in proportion to its weight (weights need not sum to one)."""
        rest = self._random() * sum(weights.values())
        for item, weight in weights.items():
            rest -= weight
            if rest < 0:
                return item
        return max(weights, key=lambda item: weights[item])

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """``count`` different items in random order."""
        pool = list(items)
        return [pool.pop(int(self._random() * len(pool))) for _ in range(min(count, len(pool)))]

    def generator(self) -> np.random.Generator:
        """A NumPy generator seeded by the next draw, for whole arrays."""
        return np.random.Generator(np.random.PCG64(int(self._random() * 2**53)))
