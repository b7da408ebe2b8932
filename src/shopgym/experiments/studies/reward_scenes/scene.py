"""What a scene is: a config that runs and says what it measured, in numbers, sentences and a figure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ....core.config import Settings
from ....core.reward import RewardSpec
from ....guardrails.reward.linted_shop import LintedShop
from ....simulators import ShopConfig
from ...catalogs import load_catalog
from ...config import CatalogSection, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OnProgress = Callable[[str, int, int], None]
"""Called with what is done, how much of it and how much there is."""


@dataclass(frozen=True)
class SceneResult:
    """What a scene measured.

    Attributes:
        title: of its table.
        rows: the table; the figure draws them.
        sentences: what they say.
        figure: made by :func:`shopgym.evaluation.figures.new_figure`.
    """

    title: str
    rows: tuple[Mapping[str, Any], ...]
    sentences: tuple[str, ...]
    figure: Figure

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, without the figure."""
        return {"title": self.title, "rows": [dict(row) for row in self.rows], "sentences": self.sentences}


class SceneConfig(Section):
    """The settings of a scene; ``scene`` names it."""

    scene: str
    seed: int = Field(0, ge=0, lt=2**62, description="of everything that is random")

    @abstractmethod
    def run(self, on_progress: OnProgress) -> SceneResult:
        """Measure and draw."""


class ShopScene(SceneConfig):
    """A scene in a shop, about a reward."""

    catalog: CatalogSection = CatalogSection(source="synthetic", items=150)
    shop: Settings[ShopConfig] = Settings({}, ShopConfig())
    reward: Settings[RewardSpec] = Settings({}, RewardSpec())
    discounts: tuple[float, ...] = Field((0.0,), description="what may be taken off a page; the first is 0")

    @property
    def spec(self) -> RewardSpec:
        """The reward."""
        return self.reward.config

    def linted_shop(self) -> LintedShop:
        """The shop as the lint, the audit and the agents see it."""
        catalog, _ = load_catalog(self.catalog, self.seed)
        return LintedShop(catalog, self.shop.config, self.seed, self.discounts)
