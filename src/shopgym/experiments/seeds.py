"""The seeds of the stages: each follows from the seed of the experiment and the name of the stage."""

from __future__ import annotations

import hashlib

from numpy.random import Generator, Philox


def stage_seed(seed: int, *names: object) -> int:
    """The seed of the stage that ``names`` name, below 2^60."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 4


def stage_rng(seed: int, *names: object) -> Generator:
    """The random generator of a stage."""
    return Generator(Philox(key=stage_seed(seed, *names)))
