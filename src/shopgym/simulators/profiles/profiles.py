"""Three kinds of shop with every mechanism on: gift, fashion and grocery.

A profile is a table of parameters, each with unit and source. The configuration is made from that table
alone. A parameter that no record shows is marked ``assumed:`` with the reason, or ``fitted:`` with the facts
that it was fitted to by simulated moments (``docs/realism.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ...core.config import with_settings
from ...core.errors import InvalidInput, one_of
from ..catalog.catalog import Catalog
from ..config import ShopConfig
from .fashion import FASHION
from .gift import GIFT
from .grocery import GROCERY
from .parameter import Parameter

PROFILES: Mapping[str, tuple[Parameter, ...]] = {"gift": GIFT, "fashion": FASHION, "grocery": GROCERY}
CATALOG, BEHAVIOUR, SCALE = "catalog.", "behaviour.", "scale."
"""Prefixes of parameters outside ``ShopConfig``: catalogue, behaviour policy, number of people."""
LEAST_USERS = 1000


@dataclass(frozen=True)
class SeasonSize:
    """How large a profile's shop is.

    Attributes:
        visits: in a season of ``days`` days at these numbers.
        per_day: new visitors on an average day; ``established``: customers that the season begins with.
    """

    visits: float
    days: float
    per_day: float
    established: int


def numbers(name: str) -> tuple[Parameter, ...]:
    """The table of a profile.

    Raises:
        InvalidInput: an unknown name.
    """
    one_of("profile", name, PROFILES)
    return PROFILES[name]


def size(name: str, changes: Mapping[str, Any] | None = None) -> SeasonSize:
    """The size at which the profile's numbers were fitted."""
    scale = values(name, SCALE, changes)
    return SeasonSize(scale["visits"], scale["days"], scale["per_day"], int(scale["established"]))


def values(name: str, prefix: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The numbers of a profile whose names begin with ``prefix``, by the rest of the name.

    ``changes`` are put in place of the profile's own, by whole name; those of no ``Parameter`` are added.
    """
    table = {n.name: n.value for n in numbers(name)} | dict(changes or {})
    return {key.removeprefix(prefix): value for key, value in table.items() if key.startswith(prefix)}


def profile(
    name: str, *, visits: float | None = None, changes: Mapping[str, Any] | None = None, **overrides: Any
) -> ShopConfig:
    """The shop of a profile.

    Args:
        name: ``gift``, ``fashion`` or ``grocery``.
        visits: about how many a season of the profile's length should have; default: as fitted. The number of
            people grows with it, what a person does stays the same.
        changes: numbers to put in place of the profile's, by dotted name.
        overrides: fields of :class:`.ShopConfig` to put in place of the profile's.

    Raises:
        InvalidInput: an unknown profile or field, or a value out of range.
    """
    other = (CATALOG, BEHAVIOUR, SCALE)
    table = values(name, "", changes)
    config = with_settings(ShopConfig(), {n: value for n, value in table.items() if not n.startswith(other)})
    reference = size(name, changes)
    factor = 1.0 if visits is None else visits / reference.visits
    per_day, established = factor * reference.per_day, round(factor * reference.established)
    expected = per_day * reference.days
    config = replace(
        config,
        users=max(LEAST_USERS, int(established + 1.1 * expected + 10 * expected**0.5)),
        arrivals=replace(config.arrivals, per_day=per_day, established=established),
    )
    unknown = sorted(set(overrides) - {f.name for f in fields(ShopConfig)})
    if unknown:
        raise InvalidInput("profile", unknown, "override fields of ShopConfig")
    return replace(config, **overrides)


def profile_catalog(name: str, seed: int = 0, *, changes: Mapping[str, Any] | None = None) -> Catalog:
    """The range of a profile: the shipped one of a real gift shop, or one drawn from ``seed``.

    For the gift shop only the mean units u of a line are changed, to
    1 + ``units_scale`` (u - 1) ** ``units_power``: the shipped ones are capped at what a household buys, and
    its customers are resellers too.
    """
    options = values(name, CATALOG, changes)
    if name == "gift":
        return Catalog.online_retail().with_units(options["units_scale"], options["units_power"])
    return Catalog.synthetic(seed=seed, **options)
