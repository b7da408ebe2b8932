"""``Bandit-v0``, ``Session-v0``, ``Shopper-v0`` and ``Season-v0`` with one visitor at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from ..core.errors import whole_number
from ..core.reward import RewardSpec
from ..core.types import AnyArray, Bool
from ..simulators import Catalog, ShopConfig
from .actions import whole_numbers
from .observation import observation_space
from .options import make_page_env
from .page_env import Episode, PageEnv
from .rendering.render import RENDER_MODES, check_render_mode, render
from .resets import check_options

Observation = dict[str, AnyArray]
ALL = np.ones(1, np.bool_)


class ShopEnv(gymnasium.Env[Any, Any]):
    """One shop with one visitor at a time. The subclasses say what an episode is.

    Args:
        catalog: ``"online_retail"`` (real products), a number of synthetic items, or a ``Catalog``; default:
            that of the profile, or else the real products.
        form: ``"slot"`` (Discrete, one slot at a time), ``"slate"`` (MultiDiscrete over candidates) or
            ``"items"`` (MultiDiscrete over the catalogue; needs ``num_candidates=0``).
        reward: the reward of a page, as a ``RewardSpec`` or a mapping of its terms, ``{"margin": 1.0}``;
            default: margin in the catalogue's currency.
        config: the shop as a ``ShopConfig`` or a mapping of its settings, or the name of a profile
            (``"gift"``, ``"fashion"``, ``"grocery"``); single settings may be given by name, e.g.
            ``slate_size=10``. Default: a plain shop; for a life or a season one with every mechanism on.
        shop_seed: of the population and of synthetic items; visits follow ``reset(seed=...)``.
        discounts: shares that a page may take off its prices, e.g. ``(0, 0.1, 0.2)``: a further part of the
            action. Not with form ``"slot"``. A discount stops at the cost of an item unless
            ``allow_losses=True``.
        guards: guards of :mod:`shopgym.policies`, or mappings such as ``{"kind": "category_cap", "maximum":
            2}``. What they forbid is masked, and an action that names it leaves its slot empty. In form
            ``"slate"`` the mask holds what is forbidden whatever else is on the page. Not with ``"items"``.
        identity: whether the observation holds the rows of the candidates in the catalogue too
            (``candidate_items``), and with ``history`` those of the items opened before (``history_items``):
            see :func:`.observation.observation_space`.
        days: how long a customer is followed, or a season lasts.
        render_mode: ``"ansi"``, ``"rgb_array"`` or None.

    What ``reset`` and ``step`` return belongs to the caller, who may change it in place.

    Raises:
        InvalidInput: an argument, an action or a seed has a wrong type or is out of range.
        gymnasium.error.ResetNeeded: a step before ``reset``, or after the end of an episode.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 2}  # noqa: RUF012 (Gymnasium's declaration)
    episode: ClassVar[Episode]
    days: ClassVar[float] = 364.0

    def __init__(
        self,
        *,
        catalog: Catalog | str | int | None = None,
        form: str = "slot",
        reward: RewardSpec | Mapping[str, Any] | None = None,
        config: ShopConfig | Mapping[str, Any] | str | None = None,
        shop_seed: int = 0,
        discounts: Sequence[float] = (),
        guards: Sequence[Any] = (),
        identity: bool = False,
        days: float | None = None,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        self.loop: PageEnv = make_page_env(
            1,
            catalog=catalog,
            reward=reward,
            form=form,
            episode=self.episode,
            discounts=discounts,
            guards=guards,
            identity=identity,
            reuses_arrays=True,
            days=self.days if days is None else days,
            seed=shop_seed,
            config=config,
            settings=settings,
        )
        self.observation_space = observation_space(self.loop.shop, form, identity)
        self.action_space = self.loop.action_space()
        self._action_shape = self.action_space.shape or ()
        self.render_mode = check_render_mode(render_mode)
        self.loop.record_frames = render_mode is not None
        self._over = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """With a seed: open the shop anew. Without: the next visitor of the same shop.

        There are no ``options``.
        """
        check_options(options, ())
        seed = None if seed is None else whole_number("seed", seed)
        super().reset(seed=seed)
        if seed is not None or not self.loop.is_open:
            self.loop.open(int(self.np_random.integers(2**63)) if seed is None else seed)
            self.loop.next_requests()
        else:
            self.loop.next_requests(ALL)
        self._over = False
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Choose; in form ``"slot"`` the page is shown after the last slot."""
        if self._over:
            raise ResetNeeded("the episode is over: call reset() before the next step()")
        result = self.loop.step(whole_numbers(action, self._action_shape)[None], ALL)
        self.loop.next_requests()
        info = self._info()
        info["shown"] = bool(result.shown[0])
        pages = result.pages
        info["cost"] = float(pages.cost[0])
        info["reward_terms"] = {name: amount.item() for name, amount in pages.terms.items()}
        info["cost_terms"] = {name: amount.item() for name, amount in pages.costs.items()}
        if pages.clipped is not None:
            info["reward_clipped"] = float(pages.clipped[0])
        terminated, truncated = bool(result.terminated[0]), bool(result.truncated[0])
        self._over = terminated or truncated
        return self._observe(), float(pages.reward[0]), terminated, truncated, info

    def action_masks(self) -> Bool:
        """The action mask in the layout that MaskablePPO expects."""
        mask: Bool = self.loop.masks()[0]
        return mask

    def render(self) -> Any:
        """The page last shown and the response to it: text, or (H, W, 3) uint8."""
        return render(self.loop, 0, self.render_mode)

    def _observe(self) -> Observation:
        return {name: values[0] for name, values in self.loop.observe().items()}

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"candidates": self.loop.requests.candidates[0].copy()}
        if self.loop.form != "items":
            info["action_mask"] = self.loop.mask()[0].view(np.int8)
        return info


class BanditEnv(ShopEnv):
    """``shopgym/Bandit-v0``: one visitor, one page, one decision; every episode ends after it."""

    episode = Episode.PAGE


class SessionEnv(ShopEnv):
    """``shopgym/Session-v0``: one visit of several pages.

    The visitor's intent drifts to what was clicked. Terminated when the visitor leaves, truncated after
    ``max_pages`` pages.
    """

    episode = Episode.VISIT


class ShopperEnv(ShopEnv):
    """``shopgym/Shopper-v0``: everything between a shop and one customer.

    Visits follow one another on the customer's own calendar. Other customers are not simulated. The
    experience of a visit changes when the next one is. Terminated when the customer will never come back,
    truncated when the next visit would be after ``days``.
    """

    episode = Episode.LIFE


class SeasonEnv(ShopEnv):
    """``shopgym/Season-v0``: the whole shop for ``days`` days, one visit after the other.

    Newcomers arrive by hour, weekday and season, customers come back according to their experience, and
    all share one stock. Truncated after the last visit.
    """

    episode = Episode.SEASON
    days = 28.0
