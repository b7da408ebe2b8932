"""Retrieval agents that are trained with torch; their policies do not need it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..task import Task
from .agents import RetrievalAgent
from .gru4rec import GRU4Rec
from .sasrec import SASRec
from .two_tower import TwoTower


class TwoTowerAgent(RetrievalAgent):
    """See :class:`.TwoTower`; items have the features of the catalogue."""

    name = "two_tower"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        dim: int = 32,
        width: int = 64,
        epochs: int = 5,
        batch: int = 512,
        rate: float = 0.005,
        device: str = "cpu",
        growth: float = 2.0,
        **options: Any,
    ) -> None:
        towers = TwoTower(
            task.items.features, dim=dim, width=width, epochs=epochs, batch=batch, rate=rate, device=device
        )
        super().__init__(task, rng, towers, growth=growth, **options)


class SASRecAgent(RetrievalAgent):
    """See :class:`.SASRec`."""

    name = "sasrec"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        dim: int = 64,
        length: int = 20,
        blocks: int = 2,
        epochs: int = 8,
        rate: float = 0.002,
        negatives: int = 0,
        device: str = "cpu",
        growth: float = 2.0,
        **options: Any,
    ) -> None:
        model = SASRec(dim, length, epochs, rate=rate, negatives=negatives, device=device, blocks=blocks)
        super().__init__(task, rng, model, growth=growth, **options)


class GRU4RecAgent(RetrievalAgent):
    """See :class:`.GRU4Rec`."""

    name = "gru4rec"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        dim: int = 64,
        length: int = 20,
        epochs: int = 10,
        rate: float = 0.002,
        negatives: int = 0,
        device: str = "cpu",
        growth: float = 2.0,
        **options: Any,
    ) -> None:
        model = GRU4Rec(dim, length, epochs, rate=rate, negatives=negatives, device=device)
        super().__init__(task, rng, model, growth=growth, **options)
