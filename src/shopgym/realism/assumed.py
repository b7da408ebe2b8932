"""What no record of a shop fixes: published ranges, and the shop at each end of a range.

A conclusion from a simulated shop hangs on figures that are assumed. ``ASSUMED`` lists them. Each end of a
range is a change of the shop's config that moves this figure to that end and leaves the level of demand where
it is::

    world = assumed_world("price_response", "low", catalog, config)
    world.config      # the shop in which a tenth off the price brings 25% more units

So what changes from one end to the other is the assumed figure and not how much is sold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..core.config import with_settings
from ..core.errors import one_of
from ..core.types import F64
from ..simulators import Catalog, ChoiceConfig, ShopConfig
from ..simulators.people import PeopleConfig
from .demand_levels import page_levels, session_conversion

End = Literal["low", "high"]
TOLERANCE, MOST_STEPS = 0.02, 12
"""Relative error with which a figure is moved to an end, and the steps that the search for it may take."""
BOUND = 20.0
"""Largest size of a logit or weight in a config."""
TYPICAL_RESPONSE, LEAST = 0.2, 1e-9
"""Log response to a tenth off that the search starts from, and the least figure of which it takes a log."""


@dataclass(frozen=True)
class AssumedRange:
    """A figure that records of a shop hardly ever hold.

    Attributes:
        parameter: its name.
        low, high: the range.
        unit: what the two numbers say.
        source: of the range.
        moved: the settings of ``ShopConfig`` that move it.
        kept: levels that would move with it, and the settings that keep them as they are.
    """

    parameter: str
    low: float
    high: float
    unit: str
    source: str
    moved: tuple[str, ...]
    kept: Mapping[str, str]

    def end(self, end: End) -> float:
        """``low`` or ``high``."""
        one_of("end", end, get_args(End))
        return self.low if end == "low" else self.high


_NOT_FIXED = "no public data set fixes it: from half of what is configured to double"
_LEVELS = {"clicks": "choice.click_base", "units": "choice.buy_base"}

ASSUMED: Mapping[str, AssumedRange] = {
    assumed.parameter: assumed
    for assumed in (
        AssumedRange(
            "price_response",
            1.25,
            1.4,
            "units with a tenth off all prices, over units without",
            "shops see 25 to 40% more units, which is an elasticity of -2.1 to -3.2; "
            "Bijmolt, van Heerde & Pieters 2005: -5 to -0.5 over 1,851 elasticities, mean -2.62",
            ("choice.buy_price", "choice.price_sensitivity", "choice.reference_price"),
            {"units": "choice.buy_base"},
        ),
        AssumedRange(
            "taste", 0.5, 2.0, "times the configured weight", _NOT_FIXED, ("choice.taste_weight",), _LEVELS
        ),
        AssumedRange(
            "intent", 0.5, 2.0, "times the configured weight", _NOT_FIXED, ("choice.intent_weight",), _LEVELS
        ),
        AssumedRange(
            "conversion",
            0.01,
            0.04,
            "share of visits with an order",
            "Triple Whale 2025: 1.9 to 2% worldwide, 2.5 to 3% of Shopify's shops; most shops have 1 to 4%",
            ("choice.cart_base", "choice.buy_base"),
            {},
        ),
        AssumedRange(
            "return_effects",
            0.0,
            2.0,
            "times the configured effects of a visit on later visits",
            "Curtis, Abratt, Rhoades & Dion 2011, a meta-analysis: satisfaction goes with the intention to "
            "buy again (.63) and does not explain buying again; so from no effect to double",
            ("people.retention.rate_effect", "people.retention.churn_effect"),
            {},
        ),
    )
}
"""By name of the parameter."""


@dataclass(frozen=True, eq=False)
class AssumedWorld:
    """A shop in which one figure is at one end of its range.

    Attributes:
        parameter, end: which figure, and which end.
        value: of that end.
        config: the shop.
        reached: the figure in this shop; NaN where a shop has none.
        note: why the shop has no such figure, or that no setting reaches the end; else empty.
    """

    parameter: str
    end: End
    value: float
    config: ShopConfig
    reached: float
    note: str = ""


def assumed_worlds(
    catalog: Catalog, config: ShopConfig, *, parameters: Sequence[str] = tuple(ASSUMED), seed: int = 0
) -> tuple[AssumedWorld, ...]:
    """The shop at both ends of each range: ``low``, ``high`` of the first parameter, then of the next.

    Raises:
        InvalidInput: an unknown parameter.
    """
    ends: tuple[End, ...] = get_args(End)
    return tuple(assumed_world(name, end, catalog, config, seed=seed) for name in parameters for end in ends)


def assumed_world(
    parameter: str, end: End, catalog: Catalog, config: ShopConfig, *, seed: int = 0
) -> AssumedWorld:
    """The shop in which an assumed figure is at one end of its range.

    Ends that are a figure of the shop (price response, conversion) are found by a search on exact means and
    counted visits of :mod:`.demand_levels`, with the same random draws in every step. So are the settings
    that keep the levels.

    Raises:
        InvalidInput: an unknown parameter or end.
    """
    one_of("parameter", parameter, ASSUMED)
    value = ASSUMED[parameter].end(end)
    note = _why_not(parameter, config)
    if note:
        return AssumedWorld(parameter, end, value, config, float("nan"), note)
    if parameter == "return_effects":
        return AssumedWorld(parameter, end, value, _return_effects(config, value), value)
    changed, reached, miss = _SEARCHES[parameter](catalog, config, seed, value).run()
    if parameter in WEIGHTS:
        reached = getattr(changed.choice, WEIGHTS[parameter]) / getattr(config.choice, WEIGHTS[parameter])
    note = f"no setting gets nearer than {miss:.0%}" if miss > TOLERANCE else ""
    return AssumedWorld(parameter, end, value, changed, reached, note)


def as_many_units(catalog: Catalog, config: ShopConfig, changed: ShopConfig, *, seed: int = 0) -> ShopConfig:
    """``changed``, with ``cart_base`` and ``buy_base`` at which pages sell as many units as in ``config``."""

    def move(place: F64) -> ShopConfig:
        return _with_choice(changed, _shifted(changed.choice, float(place[0]), "cart_base", "buy_base"))

    def measure(moved: ShopConfig) -> F64:
        return np.array([page_levels(catalog, moved, seed)["units"]])

    return _Search(move, measure, np.maximum(measure(config), LEAST)).run()[0]


def configured_figure(parameter: str, catalog: Catalog, config: ShopConfig, *, seed: int = 0) -> float:
    """The figure as the config has it, in the unit of the range; NaN where the shop has none."""
    one_of("parameter", parameter, ASSUMED)
    if _why_not(parameter, config):
        return float("nan")
    if parameter == "price_response":
        return page_levels(catalog, config, seed)["price_response"]
    return session_conversion(catalog, config, seed) if parameter == "conversion" else 1.0


WEIGHTS = {"taste": "taste_weight", "intent": "intent_weight"}
"""The weights of ``ChoiceConfig`` that are halved and doubled."""


def _why_not(parameter: str, config: ShopConfig) -> str:
    """Why the shop has no such figure; empty where it has."""
    if parameter == "return_effects" and not config.people.enabled:
        return "nobody comes back in this shop (shop.people.enabled: false)"
    if parameter in WEIGHTS and not getattr(config.choice, WEIGHTS[parameter]):
        return f"it is off in this shop (shop.choice.{WEIGHTS[parameter]}: 0)"
    return ""


def _return_effects(config: ShopConfig, factor: float) -> ShopConfig:
    """Effects that are 0 in the config are doubled from their default, or the range would be empty."""
    usual, own = PeopleConfig().retention, config.people.retention
    names = ("rate_effect", "churn_effect")
    effects = {n: factor * (getattr(own, n) or getattr(usual, n)) for n in names}
    return with_settings(config, {f"people.retention.{n}": min(v, BOUND) for n, v in effects.items()})


@dataclass(frozen=True)
class _Search:
    """Find the place (j,) at which the figures (j,) of the shop are ``aims`` (j,), all above 0.

    ``move`` makes the shop of a place. Its units are such that a step of 1 moves its own figure by about a
    factor of e: that is the first guess of Broyden's method (Broyden 1965, Mathematics of Computation 19).
    """

    move: Callable[[F64], ShopConfig]
    measure: Callable[[ShopConfig], F64]
    aims: F64

    def run(self) -> tuple[ShopConfig, float, float]:
        """(the shop, its first figure, largest relative miss) of the best place that was met."""
        from scipy.optimize import root

        met: list[tuple[float, ShopConfig, float]] = []

        def misses(place: F64) -> F64:
            if not np.isfinite(place).all():  # the last step moved nothing, so there is no slope
                return np.full(len(place), np.nan)
            config = self.move(place)
            figures = np.maximum(self.measure(config), LEAST)
            miss: F64 = np.log(figures / self.aims)
            met.append((float(np.abs(miss).max()), config, float(figures[0])))
            return miss

        jacobian = {"alpha": -1.0, "reduction_method": "restart"}
        options = {
            "fatol": TOLERANCE / 2,
            "maxiter": MOST_STEPS,
            "line_search": None,
            "jac_options": jacobian,
        }
        with np.errstate(all="ignore"):
            root(misses, np.zeros(len(self.aims)), method="broyden1", options=options)
        miss, config, figure = min(met, key=lambda place: place[0])
        return config, figure, miss


def _price_response(catalog: Catalog, config: ShopConfig, seed: int, value: float) -> _Search:
    """What sells at usual prices stays as it is.

    Where a price is compared with the usual one (``reference_price`` 1), orders react more to the difference.
    Elsewhere the sensitivity s is multiplied by f, and s x (1 - ``reference_price``), by which dear items are
    avoided, stays what it was. Below f = 1 - ``reference_price`` that cannot be: dear items are avoided less,
    and ``buy_base`` keeps the units that are sold.
    """
    choice = config.choice

    def move(place: F64) -> ShopConfig:
        if choice.reference_price == 1.0:
            steeper = choice.buy_price + 10.0 * place[0] / max(choice.price_sensitivity, LEAST)
            changed = {"buy_price": float(np.clip(steeper, 0.0, BOUND))}
            return _with_choice(config, changed | _shifted(choice, float(place[1]), "buy_base"))
        most = BOUND / 2 / max(choice.price_sensitivity, LEAST)
        factor = float(np.clip(np.exp(np.minimum(place[0] / TYPICAL_RESPONSE, BOUND)), LEAST, most))
        compared = max(0.0, 1.0 - (1.0 - choice.reference_price) / factor)
        sensitivity = factor * choice.price_sensitivity
        changed = {"price_sensitivity": sensitivity, "reference_price": compared}
        return _with_choice(config, changed | _shifted(choice, float(place[1]), "buy_base"))

    def measure(moved: ShopConfig) -> F64:
        levels = page_levels(catalog, moved, seed)
        return np.array([levels["price_response"], levels["units"]])

    return _Search(move, measure, np.array([value, measure(config)[1]]))


def _weight(setting: str) -> Callable[[Catalog, ShopConfig, int, float], _Search]:
    def search(catalog: Catalog, config: ShopConfig, seed: int, factor: float) -> _Search:
        choice = config.choice
        weight = min(factor * getattr(choice, setting), BOUND)

        def move(place: F64) -> ShopConfig:
            clicks = _shifted(choice, float(place[0]), "click_base")
            return _with_choice(
                config, {setting: weight} | clicks | _shifted(choice, float(place[1]), "buy_base")
            )

        def measure(moved: ShopConfig) -> F64:
            levels = page_levels(catalog, moved, seed)
            return np.array([levels["clicks"], levels["units"]])

        return _Search(move, measure, measure(config))

    return search


def _conversion(catalog: Catalog, config: ShopConfig, seed: int, value: float) -> _Search:
    def move(place: F64) -> ShopConfig:
        return _with_choice(config, _shifted(config.choice, float(place[0]), "cart_base", "buy_base"))

    def measure(moved: ShopConfig) -> F64:
        return np.array([session_conversion(catalog, moved, seed)])

    return _Search(move, measure, np.array([value]))


_SEARCHES: Mapping[str, Callable[[Catalog, ShopConfig, int, float], _Search]] = {
    "price_response": _price_response,
    "conversion": _conversion,
    **{parameter: _weight(setting) for parameter, setting in WEIGHTS.items()},
}


def _with_choice(config: ShopConfig, settings: Mapping[str, float]) -> ShopConfig:
    return with_settings(config, {f"choice.{name}": value for name, value in settings.items()})


def _shifted(choice: ChoiceConfig, shift: float, *names: str) -> dict[str, float]:
    """The logits ``names``, shifted."""
    return {name: float(np.clip(getattr(choice, name) + shift, -BOUND, BOUND)) for name in names}
