"""Parameters at which the simulated shop has the responses that were measured from data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...core.config import with_settings
from ...simulators import Catalog, ShopConfig
from ..responses.personalisation import RECOMMENDERS
from ..responses.response import Response
from ..shop_events import Behaviour
from .from_lines import FittedParameter, UnidentifiedParameter
from .from_recall import fit_recall, simulated_recall
from .shop_effects import ShopEffects

BOOST = "campaigns.boost"
FLAT = 1e-3
"""Change of a response over the whole range of a parameter below which the parameter does not move it, in
half widths of its interval or in the unit of the response, whichever is more."""


@dataclass(frozen=True)
class ResponseTarget:
    """The parameter by which a response is met, with its range and unit."""

    parameter: str
    low: float
    high: float
    unit: str


TARGETS = {
    "cart_price_elasticity": ResponseTarget("choice.price_sensitivity", 0.0, 10.0, "logits per log price"),
    "price_elasticity": ResponseTarget("choice.price_sensitivity", 0.0, 10.0, "logits per log price"),
    "promotion_lift": ResponseTarget(BOOST, -2.0, 5.0, "logits"),
    "substitution": ResponseTarget("choice.substitution", 0.0, 1.0, "probability"),
    "email_visits": ResponseTarget("surfaces.opened", 0.0, 1.0, "share of e-mails"),
    "email_orders": ResponseTarget("surfaces.email.lift", -10.0, 10.0, "logits"),
}
"""In the order in which they are met: later ones depend on earlier ones."""
AFTER_CARTS = ResponseTarget("choice.buy_price", 0.0, 5.0, "per logit of carts")
"""Of the elasticity of units, where that of carts is known."""
COMPARED = {
    "promotion_total": "it follows from the price response and the boost: compared, not fitted",
    "email_spend": "it follows from orders and their value: compared, not fitted",
}


def from_responses(
    responses: Sequence[Response],
    catalog: Catalog,
    config: ShopConfig,
    *,
    seed: int,
    behaviour: Behaviour | None = None,
) -> tuple[list[FittedParameter], list[UnidentifiedParameter]]:
    """Find the parameters at which the shop has these responses, one after the other.

    The interval of a parameter is where the shop has the ends of the response's interval. Where the response
    lies beyond what any value gives, the parameter is not identified and keeps its value. Of two responses
    of one name the first counts; responses of single arms (``name: arm``) are not fitted.

    Args:
        responses: measured from data.
        catalog, config: the shop.
        seed: of the simulated visitors.
        behaviour: what the shop shows.

    Returns:
        (fitted, unidentified). ``campaigns.boost`` is that of all campaigns: see :func:`with_fitted`.
    """
    by_name: dict[str, Response] = {}
    for response in responses:
        by_name.setdefault(response.name, response)
    effects = ShopEffects(catalog, seed, behaviour or Behaviour())
    fitted, unidentified = fit_recall(by_name, catalog, config, seed=seed, behaviour=effects.behaviour)
    config = with_fitted(config, fitted)
    for name, target in TARGETS.items():
        if name not in by_name:
            continue
        if name == "price_elasticity" and any(p.name == target.parameter for p in fitted):
            target = AFTER_CARTS
        result = _meet(by_name[name], target, effects, config)
        if isinstance(result, FittedParameter):
            fitted.append(result)
            config = with_fitted(config, [result])
        else:
            unidentified.append(result)
    unidentified += [UnidentifiedParameter(name, why) for name, why in COMPARED.items() if name in by_name]
    return fitted, unidentified


def with_fitted(config: ShopConfig, fitted: Sequence[FittedParameter]) -> ShopConfig:
    """The config with the fitted values. ``campaigns.boost`` goes to every campaign."""
    values = {parameter.name: parameter.value for parameter in fitted}
    boost = values.pop(BOOST, None)
    if boost is not None:
        config = _with(config, BOOST, boost)
    return with_settings(config, values) if values else config


def response_table(
    responses: Sequence[Response],
    catalog: Catalog,
    before: ShopConfig,
    after: ShopConfig,
    *,
    seed: int,
    behaviour: Behaviour | None = None,
) -> pd.DataFrame:
    """One row per response: name, mine, low, high, shop_before, shop_after, inside, unit and how.

    ``inside`` is whether the shop after the fit lies in the interval. The shop's figures are those of
    :class:`.shop_effects.ShopEffects`; those of sequences come from simulated visits.
    """
    effects = ShopEffects(catalog, seed, behaviour or Behaviour())
    sides: list[dict[str, float]] = []
    for config in (before, after):
        number = next((r.rows for r in responses if r.name in RECOMMENDERS), None)
        side = {}
        if number is not None:
            side = simulated_recall(catalog, config, number, seed=seed, behaviour=effects.behaviour)
        for response in responses:
            part = response.name.partition(":")[0]
            if part not in side:
                side[part] = effects.measure(part, config, response.change)
        sides.append(side)
    rows = []
    for response in responses:
        shop_before, shop_after = (side[response.name.partition(":")[0]] for side in sides)
        own = {"name": response.name, "mine": response.value, "low": response.low, "high": response.high}
        shop = {"shop_before": shop_before, "shop_after": shop_after}
        inside = bool(response.low <= shop_after <= response.high)
        rows.append({**own, **shop, "inside": inside, "unit": response.unit, "how": response.how})
    return pd.DataFrame(rows)


def _meet(
    response: Response, target: ResponseTarget, effects: ShopEffects, config: ShopConfig
) -> FittedParameter | UnidentifiedParameter:
    """The value at which the shop has the response, which must rise or fall with the parameter."""
    measured: dict[float, float] = {}

    def effect(value: float) -> float:
        if value not in measured:
            measured[value] = effects.measure(
                response.name, _with(config, target.parameter, value), response.change
            )
        return measured[value]

    ends = effect(target.low), effect(target.high)
    if not np.isfinite(ends).all():
        return UnidentifiedParameter(target.parameter, f"{response.name} does not occur in this shop")
    half = (response.high - response.low) / 2.0
    if abs(ends[1] - ends[0]) <= FLAT * max(half, 1e-9):
        return UnidentifiedParameter(target.parameter, f"it does not move {response.name} in this shop")
    least, most = sorted(ends)
    if not least < response.value < most:
        why = (
            f"{response.name} is {response.value:.4g} [{response.low:.4g}, {response.high:.4g}], "
            f"and the shop has {least:.4g} to {most:.4g} at any value: a boundary, not a fit"
        )
        return UnidentifiedParameter(target.parameter, why)
    value = _inverse(effect, response.value, target)
    edges = [
        _inverse(effect, float(np.clip(end, least, most)), target) for end in (response.low, response.high)
    ]
    how = f"{response.name}: {response.how}"
    if not (least < response.low and response.high < most):
        how += "; its interval goes beyond what the shop can do"
    return FittedParameter(target.parameter, value, target.unit, how, min(edges), max(edges))


def _inverse(effect: Callable[[float], float], goal: float, target: ResponseTarget) -> float:
    from scipy.optimize import brentq

    ends = {target.low: effect(target.low) - goal, target.high: effect(target.high) - goal}
    for end, miss in ends.items():
        if miss == 0.0:
            return end
    tolerance = 1e-3 * (target.high - target.low)
    return float(
        brentq(lambda value: effect(float(value)) - goal, target.low, target.high, xtol=tolerance, rtol=1e-3)
    )


def _with(config: ShopConfig, parameter: str, value: float) -> ShopConfig:
    if parameter == BOOST:
        return replace(config, campaigns=tuple(replace(c, boost=value) for c in config.campaigns))
    return with_settings(config, {parameter: value})
