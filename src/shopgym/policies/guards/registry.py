"""Guards by their kind: from a config or a bundle to rules and back, and the checks of several together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.config import build
from ...core.errors import InvalidInput, one_of
from ...core.items import Items
from .audience_rules import AgeLimit, BrandSafety, Consent
from .candidate_rules import InStock, MarginFloor, PriceFloor
from .counted_rules import DiscountBudget, ExposureFloor, FrequencyCap
from .page_rules import CategoryCap
from .rule import Guard, column_index, group_label, group_mask

GUARDS: dict[str, type[Guard]] = {
    rule.kind: rule
    for rule in (
        *(InStock, PriceFloor, MarginFloor, Consent, AgeLimit, BrandSafety),
        *(CategoryCap, FrequencyCap, ExposureFloor, DiscountBudget),
    )
}
GROUP_FIELD = "reward.costs.items"
"""How a group of items calls itself in messages."""


def guard_spec(guard: Guard) -> dict[str, Any]:
    """JSON-able form of a rule; :func:`guard_from_spec` reads it back."""
    return guard.spec()


def guard_from_spec(spec: Any) -> Guard:
    """The rule that ``spec`` describes, or ``spec`` itself if it is one.

    Raises:
        InvalidInput: no mapping, an unknown kind or setting, or a value out of range.
    """
    if isinstance(spec, Guard):
        return spec
    if not isinstance(spec, Mapping):
        raise InvalidInput("guards", spec, "give a guard, or a mapping with its kind")
    options = dict(spec)
    kind = options.pop("kind", None)
    one_of("guards.kind", kind, GUARDS)
    try:
        return build(GUARDS[kind], options, f"guards.{kind}")
    except InvalidInput as error:
        field = error.field.replace(GROUP_FIELD, f"guards.{kind}.items")
        raise InvalidInput(field, error.value, error.fix) from None


def check_columns(guards: Sequence[Guard], columns: Mapping[str, Sequence[str]], live: bool) -> None:
    """Check what can be checked before there is a catalogue, when a config is read.

    Args:
        columns: names of the columns of a request, by ``user`` and ``context``.
        live: whether requests tell live prices.

    Raises:
        InvalidInput: two rules are the same, a rule reads a column that there is not, or floors ask for more
            than everything.
    """
    labels = [repr(guard) for guard in guards]
    for guard in guards:
        if labels.count(repr(guard)) > 1:
            raise InvalidInput("guards", guard.label, "it is declared twice: leave one out")
        if isinstance(guard, Consent | AgeLimit):
            column_index(guard.kind, guard.column, columns)
        if isinstance(guard, DiscountBudget) and not live:
            fix = "the rule compares live prices with the catalogue's: set shop.live: true"
            raise InvalidInput("guards.discount_budget", guard.label, fix)
    floors = [guard for guard in guards if isinstance(guard, ExposureFloor)]
    total = sum(floor.minimum for floor in floors)
    if total > 1.0 and _disjoint(floors):
        fix = f"disjoint groups are to get {total:.0%} of the slots: lower the floors"
        raise InvalidInput("guards.exposure_floor.minimum", [floor.minimum for floor in floors], fix)


def bind_guards(
    guards: Sequence[Guard], items: Items, columns: Mapping[str, Sequence[str]], slots: int
) -> tuple[Guard, ...]:
    """The rules, checked against a catalogue and the columns of a request, and against one another.

    Args:
        slots: of a full page.

    Raises:
        InvalidInput: an unknown item, category or column, rules that leave nothing of the catalogue, or rules
            that contradict one another: a floor asks for more of a group than another rule lets through.
    """
    bound = tuple(guard.bound(items, columns) for guard in guards)
    _refuse_nothing_left(bound, items)
    most: dict[str, tuple[float, Guard]] = {}
    for guard in bound:
        for name, share in guard.share_at_most(slots, items).items():
            if share < most.get(name, (1.0, guard))[0]:
                most[name] = share, guard
    for floor in bound:
        if isinstance(floor, ExposureFloor):
            _refuse_contradiction(floor, most, items, slots)
    return bound


def _refuse_nothing_left(guards: Sequence[Guard], items: Items) -> None:
    """Raise :class:`InvalidInput` if some rules together forbid every item to everybody."""
    hidden = [guard.never_shown(items) for guard in guards]
    if guards and np.any(hidden, axis=0).all():
        strict = [guard for guard, mask in zip(guards, hidden, strict=True) if mask.any()]
        field = f"guards.{strict[0].kind}" if len(strict) == 1 else "guards"
        fix = "nothing of the catalogue is left to show: loosen the rule"
        raise InvalidInput(field, " and ".join(guard.why for guard in strict), fix)


def _refuse_contradiction(
    floor: ExposureFloor, most: Mapping[str, tuple[float, Guard]], items: Items, slots: int
) -> None:
    """Raise :class:`InvalidInput` if other rules, or its size, leave a group less than its floor."""
    mask = group_mask(floor, floor.items, items)
    rows = sorted(set(items.category[mask].tolist()))
    if mask.sum() < floor.minimum * slots:
        fix = f"a page of {slots} slots shows an item once, the group has {int(mask.sum())}: lower the floor"
        raise InvalidInput(f"guards.exposure_floor of {group_label(floor.items)}", floor.minimum, fix)
    limits = [most.get(items.category_names[row], (1.0, floor)) for row in rows]
    share = sum(share for share, _ in limits)
    if share < floor.minimum:
        fix = f"{limits[0][1].kind} leaves them at most {share:.0%}: change one of the two"
        raise InvalidInput(f"guards.exposure_floor of {group_label(floor.items)}", floor.minimum, fix)


def _disjoint(floors: Sequence[ExposureFloor]) -> bool:
    """Whether no category and no item is named by two floors; items and categories may still overlap."""
    names = [name for floor in floors for name in (*floor.items.categories, *floor.items.item_ids)]
    by_category = all(not floor.items.item_ids for floor in floors)
    by_id = all(not floor.items.categories for floor in floors)
    return len(names) == len(set(names)) and (by_category or by_id)
