"""The native vector form: n visitors at once in one shop with shared stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ..core.batches import Feedback, Requests
from ..core.errors import InvalidInput, one_of
from ..core.reward import RewardSpec
from ..core.types import F64, I32, AnyArray, Bool
from ..simulators import Catalog, ShopConfig
from .actions import whole_numbers
from .observation import observation_space
from .options import make_page_env
from .page_env import Episode, PageEnv, StepResult
from .rendering.render import RENDER_MODES, check_render_mode, render
from .resets import row_seeds, rows_to_reset

Observation = dict[str, AnyArray]


class ShopVectorEnv(VectorEnv[Observation, AnyArray, AnyArray]):
    """n visitors at once; arguments as in :class:`.single.ShopEnv`.

    The visits share one shop and its stock: what one buys another cannot. Apart from that, environment i
    depends on its own seed only: with ``StockConfig(enabled=False)`` environment i of ``reset(seed=s)`` is
    exactly the single environment of ``reset(seed=s + i)``.

    Args:
        num_envs: n.
        autoreset_mode: next-step (Gymnasium's default), same-step, or disabled (then call
            ``reset(options={"reset_mask": mask})``).
        threads: threads that run the kernels. Results do not depend on it.
    """

    episode: ClassVar[Episode]
    days: ClassVar[float] = 364.0

    def __init__(
        self,
        num_envs: int = 1,
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
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int = 1,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        self.loop: PageEnv = make_page_env(
            num_envs,
            catalog=catalog,
            reward=reward,
            form=form,
            episode=self.episode,
            discounts=discounts,
            guards=guards,
            identity=identity,
            days=self.days if days is None else days,
            seed=shop_seed,
            threads=threads,
            config=config,
            settings=settings,
        )
        self.num_envs = num_envs
        if not isinstance(autoreset_mode, AutoresetMode):
            one_of("autoreset_mode", autoreset_mode, [mode.value for mode in AutoresetMode])
        self.mode = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": list(RENDER_MODES), "autoreset_mode": self.mode}
        self.render_mode = check_render_mode(render_mode)
        self.loop.record_frames = render_mode is not None
        self.single_observation_space = observation_space(self.loop.shop, form, identity)
        self.single_action_space = self.loop.action_space()
        self._action_shape = (num_envs, *(self.single_action_space.shape or ()))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._over: Bool = np.zeros(num_envs, np.bool_)
        self._masks: dict[str, list[str]] = {}

    # requests and feedback, for callers who decide with policies instead of arrays

    @property
    def requests(self) -> Requests:
        """The page that each visitor asks for next, in new arrays."""
        return self.loop.requests.take(np.arange(self.num_envs))

    @property
    def slates(self) -> I32:
        """(n, k) item rows shown in the last step, in a new array."""
        return self.loop.slates.copy()

    @property
    def feedback(self) -> Feedback | None:
        """The response to them; None if no page was complete."""
        return self.loop.feedback

    # Gymnasium

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start new episodes: with a seed from it, without with the next visitors of the same shop.

        Args:
            seed: one for all (environment i gets seed + i), or one or None for each. If every environment
                starts from a seed the shop opens anew; else those with a seed start from it in the shop as it
                is.
            options: ``{"reset_mask": (n,) bool}`` resets only where the mask is True.

        Raises:
            InvalidInput: a seed or an option is not one of these, the mask is False everywhere, or the season
                of all is to start anew for some.
        """
        mask = rows_to_reset(options, self.num_envs)
        seeds = row_seeds(seed, self.num_envs)
        super().reset(seed=seeds[0] if isinstance(seed, int | np.integer) else None)
        seeded = np.array([row_seed is not None for row_seed in seeds]) & mask
        if not self.loop.is_open and not mask.all():
            raise InvalidInput("options.reset_mask", mask, "reset all environments first")
        if not self.loop.is_open or seeded.all() or (seeded.any() and self.episode is Episode.SEASON):
            if not mask.all():
                raise InvalidInput("options.reset_mask", mask, "a season starts for all environments at once")
            self.loop.open(self._with_random_seeds(seeds))
            self.loop.next_requests()
        else:
            self.loop.restart(seeded, [seeds[row] for row in np.flatnonzero(seeded)])
            self.loop.next_requests(mask)
        self._over = self._over & ~mask
        return self.loop.observe(), self._info(None)

    def step(self, actions: AnyArray) -> tuple[Observation, F64, Bool, Bool, dict[str, Any]]:
        """One action per environment. Those that are being reset ignore theirs."""
        active = ~self._over
        if self.mode == AutoresetMode.DISABLED and not active.all():
            index = int(np.flatnonzero(self._over)[0])
            raise InvalidInput(
                "step", f"environment {index} is over", "call reset(options={'reset_mask': mask}) first"
            )
        result = self.loop.step(whole_numbers(actions, self._action_shape), active)
        done = result.terminated | result.truncated
        begin = self._over if self.mode == AutoresetMode.NEXT_STEP and not active.all() else None
        if self.mode != AutoresetMode.SAME_STEP:
            self._over = done
        self.loop.next_requests(begin)
        info, observation = self._info(result), self.loop.observe()
        if self.mode == AutoresetMode.SAME_STEP and done.any():
            final_info = info.copy()
            self.loop.next_requests(done)
            info |= self._mask()
            info |= {"final_obs": _rows(observation, done), "_final_obs": done.copy()}
            info |= {"final_info": final_info, "_final_info": done}
            observation = self.loop.observe()
        return observation, result.pages.reward, result.terminated, result.truncated, info

    def _with_random_seeds(self, seeds: Sequence[int | None]) -> list[int]:
        """The seeds, with random ones for None."""
        first = int(self.np_random.integers(2**63 - self.num_envs)) if None in seeds else 0
        return [first + row if seed is None else seed for row, seed in enumerate(seeds)]

    def action_masks(self) -> Bool:
        """(n, m) in form ``"slot"``, (n, k m) in form ``"slate"``: the action mask."""
        return self.loop.masks()

    def render(self) -> tuple[Any, ...] | None:
        """The page last shown to each visitor: texts, or (H, W, 3) uint8."""
        if self.render_mode is None:
            return None
        return tuple(render(self.loop, index, self.render_mode) for index in range(self.num_envs))

    def _mask(self) -> dict[str, Any]:
        if self.loop.form == "items":
            return {}
        info: dict[str, Any] = {"candidates": self.loop.requests.candidates.copy()}
        info["action_mask"] = self.loop.mask().view(np.int8)
        info["_candidates"] = info["_action_mask"] = np.ones(self.num_envs, np.bool_)
        return info

    def _info(self, result: StepResult | None) -> dict[str, Any]:
        info = self._mask()
        if result is not None:
            present, pages = np.ones(self.num_envs, np.bool_), result.pages
            info["shown"], info["cost"] = result.shown, pages.cost
            for name, amounts in (("reward_terms", pages.terms), ("cost_terms", pages.costs)):
                masks = self._masks.get(name) or self._masks.setdefault(
                    name, [f"_{term}" for term in amounts]
                )
                info[name] = {**amounts, **dict.fromkeys(masks, result.shown)}
            if pages.clipped is not None:
                info["reward_clipped"], info["_reward_clipped"] = pages.clipped, present
            info |= dict.fromkeys(("_shown", "_cost", "_reward_terms", "_cost_terms"), present)
        return info


class BanditVectorEnv(ShopVectorEnv):
    """``shopgym/Bandit-v0`` as a vector: n visitors, one page each."""

    episode = Episode.PAGE


class SessionVectorEnv(ShopVectorEnv):
    """``shopgym/Session-v0`` as a vector: n concurrent visits."""

    episode = Episode.VISIT


class ShopperVectorEnv(ShopVectorEnv):
    """``shopgym/Shopper-v0`` as a vector: n customers, each on a calendar of their own."""

    episode = Episode.LIFE


class SeasonVectorEnv(ShopVectorEnv):
    """``shopgym/Season-v0`` as a vector: one season of one shop with up to n concurrent visits.

    Visits are assigned to environments in the order of arrival. An environment for which no visit is left
    waits, with reward 0 and ``info["shown"]`` False. All are truncated together after the last visit.
    """

    episode = Episode.SEASON
    days = 28.0


def _rows(observation: Observation, mask: Bool) -> AnyArray:
    """(n,) objects: the observation of each environment where ``mask``, else None."""
    out = np.full(len(mask), None, dtype=object)
    for row in np.flatnonzero(mask):
        out[row] = {name: values[row].copy() for name, values in observation.items()}
    return out
