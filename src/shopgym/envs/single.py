"""``Bandit-v0`` and ``Session-v0`` one at a time: a page loop of one lane, unboxed."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

import gymnasium
import numpy as np

from ..core.build import build
from ..core.types import AnyArray, Bool
from ..simulators import Catalog, ShopConfig
from .page_loop import PageLoop, make_loop
from .render import storefront
from .reward import RewardSpec

Observation = dict[str, AnyArray]
EVERY_LANE = np.ones(1, np.bool_)


class ShopEnv(gymnasium.Env[Any, Any]):
    """One shop with one visitor at a time; see :class:`BanditEnv` and :class:`SessionEnv`.

    Args:
        catalog: ``"online_retail"`` (real products), a number of synthetic items, or a ``Catalog``.
        form: ``"slot"`` (Discrete, one slot at a time), ``"slate"`` (MultiDiscrete over candidates) or
            ``"items"`` (MultiDiscrete over the catalogue; needs ``num_candidates=0``).
        reward: what a page is worth; default: net margin in the catalogue's currency.
        config: the shop; single settings may be given by name, e.g. ``slate_size=10``.
        shop_seed: of the population and of synthetic items; visits follow ``reset(seed=...)``.
        render_mode: ``"ansi"`` or None.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 (Gymnasium's declaration)
    one_page: ClassVar[bool]

    def __init__(
        self,
        *,
        catalog: Catalog | str | int = "online_retail",
        form: str = "slot",
        reward: RewardSpec | None = None,
        config: ShopConfig | None = None,
        shop_seed: int = 0,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        self.loop: PageLoop = make_loop(
            1,
            catalog=catalog,
            reward=reward,
            form=form,
            one_page=self.one_page,
            seed=shop_seed,
            config=with_settings(config, settings),
        )
        self.observation_space = self.loop.observation_space()
        self.action_space = self.loop.action_space()
        self.render_mode = render_mode
        self._open = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """With a seed: open the shop anew. Without: the next visitor of the same shop."""
        super().reset(seed=seed)
        if seed is not None or not self._open:
            self.loop.open(int(self.np_random.integers(2**63)) if seed is None else seed)
            self._open = True
        else:
            self.loop.enter(EVERY_LANE)
        self.loop.ask()
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Choose; in form ``"slot"`` the page is shown after the last slot."""
        outcome = self.loop.step(np.asarray(action)[None], EVERY_LANE)
        self.loop.ask()
        info = self._info()
        info["shown"] = bool(outcome.shown[0])
        info["reward_terms"] = {name: float(amount[0]) for name, amount in outcome.terms.items()}
        reward = float(outcome.reward[0])
        return self._observe(), reward, bool(outcome.terminated[0]), bool(outcome.truncated[0]), info

    def action_masks(self) -> Bool:
        """What may be chosen now, in the layout that MaskablePPO expects."""
        mask = self.loop.mask()[0]
        return mask if self.loop.form == "slot" else np.tile(mask, self.loop.shop.config.slate_size)

    def render(self) -> str | None:
        """The storefront as text, with ``render_mode="ansi"``."""
        return storefront(self.loop, 0) if self.render_mode == "ansi" else None

    def _observe(self) -> Observation:
        return {name: values[0] for name, values in self.loop.observe().items()}

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"candidates": self.loop.requests.candidates[0].copy()}
        if self.loop.form != "items":
            info["action_mask"] = self.loop.mask()[0].view(np.int8)
        return info


class BanditEnv(ShopEnv):
    """``shopgym/Bandit-v0``: one visitor, one page, one decision; every episode ends after it."""

    one_page = True


class SessionEnv(ShopEnv):
    """``shopgym/Session-v0``: one visit of several pages.

    The visitor's intent drifts to what was clicked. Terminated when the visitor leaves, truncated after
    ``max_pages`` pages.
    """

    one_page = False


def with_settings(config: ShopConfig | None, settings: dict[str, Any]) -> ShopConfig:
    """``config`` (or the default) with single settings replaced; unknown names are refused."""
    base = config or ShopConfig()
    return build(ShopConfig, {**{f.name: getattr(base, f.name) for f in fields(base)}, **settings}, "shop")
