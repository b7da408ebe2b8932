"""Parameters at which the simulated shop has the responses that were measured from data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ...core.config import with_settings
from ...simulators import Campaign, Catalog, ShopConfig
from ..responses.personalisation import EXCESS, RECOMMENDERS
from ..responses.response import Response
from ..shop_events import Behaviour
from .from_lines import FittedParameter, UnidentifiedParameter
from .from_recall import fit_recall, simulated_recall
from .inversion import invert
from .shop_effects import ShopEffects

BOOST = "campaigns.boost"


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
"""Of the elasticity of units, where that of carts is known or cannot be enough."""
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
    fitted: list[FittedParameter] = []
    unidentified: list[UnidentifiedParameter] = []
    if EXCESS in by_name:
        fitted, unidentified = fit_recall(
            by_name[EXCESS], catalog, config, seed=seed, behaviour=effects.behaviour
        )
    config = with_fitted(config, fitted)
    for name, target in TARGETS.items():
        if name not in by_name:
            continue
        if name == "price_elasticity" and any(p.name == target.parameter for p in fitted):
            target = AFTER_CARTS
        result = _meet(by_name[name], target, effects, config)
        if isinstance(result, UnidentifiedParameter) and target is TARGETS["price_elasticity"]:
            again = _meet(
                by_name[name], AFTER_CARTS, effects, config
            )  # purchases may respond where carts cannot
            result = again if isinstance(again, FittedParameter) else result
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
    if boost is not None and config.campaigns:
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
    boost: float | None = None,
) -> pd.DataFrame:
    """One row per response: name, mine, low, high, shop_before, shop_after, inside, unit and how.

    ``inside`` is whether the shop after the fit lies in the interval. The shop's figures are those of
    :class:`.shop_effects.ShopEffects`; those of sequences come from simulated visits. ``boost`` is that of
    campaigns after the fit; a shop without campaigns is asked for a :class:`.Campaign` with the defaults.
    """
    effects = ShopEffects(catalog, seed, behaviour or Behaviour())
    sides: list[dict[str, float]] = []
    if boost is not None:
        after = _with(after, BOOST, boost)
    for config in (before, after):
        number = next((r.rows for r in responses if r.name in (EXCESS, *RECOMMENDERS)), None)
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
    def effect(value: float) -> float:
        return effects.measure(response.name, _with(config, target.parameter, value), response.change)

    inverse = invert(effect, response, target.low, target.high)
    if isinstance(inverse, str):
        return UnidentifiedParameter(target.parameter, inverse)
    return FittedParameter(
        target.parameter, inverse.value, target.unit, inverse.how, inverse.low, inverse.high
    )


def _with(config: ShopConfig, parameter: str, value: float) -> ShopConfig:
    if parameter == BOOST:
        campaigns = config.campaigns or (Campaign(),)
        return replace(config, campaigns=tuple(replace(c, boost=value) for c in campaigns))
    return with_settings(config, {parameter: value})
