"""Rules about who may see what, and what may stand beside what: consent, age, brand safety."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.reward.costs import ItemGroup
from ...core.types import I32, Bool
from .rule import Guard, column_index, group_label, group_mask, in_group, shown_count


@dataclass(frozen=True)
class _Audience(Guard):
    """Items of a group are shown only where a column of the request is large enough."""

    items: ItemGroup
    column: str
    index: int | None = None

    def bound(self, items: Items, columns: Mapping[str, Sequence[str]]) -> Self:
        group_mask(self, self.items, items)
        return replace(self, index=column_index(self.kind, self.column, columns))

    def _only_from(self, least: float, requests: Requests, items: Items) -> Bool:
        side = requests.user if self.column.startswith("user.") else requests.context
        if self.index is None or self.index >= side.shape[1]:
            fix = "the rule is not bound to the columns of the requests: give it to a Task, or call bound()"
            raise InvalidInput(f"guards.{self.kind}.column", self.column, fix)
        may_see = side[:, self.index] >= np.float32(least)
        allowed: Bool = may_see[:, None] | ~in_group(self, self.items, requests, items)
        return allowed


@dataclass(frozen=True)
class Consent(_Audience):
    """Items that need consent are shown only to users who gave it.

    Attributes:
        items: what needs consent, e.g. ``{"categories": ["Health"]}``.
        column: ``user.NAME`` or ``context.NAME``: 1 where the user consented, 0 elsewhere.
        index: where the column stands; set by ``bound``.
    """

    kind: ClassVar[str] = "consent"
    column: str = "user.consent"

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"{group_label(self.items)} without {self.column}"

    def before(self, requests: Requests, items: Items) -> Bool:
        return self._only_from(0.5, requests, items)


@dataclass(frozen=True)
class AgeLimit(_Audience):
    """Items for adults are shown only to users who are old enough.

    Attributes:
        items: what has an age limit.
        column: ``user.NAME`` or ``context.NAME``: the age.
        index: where the column stands; set by ``bound``.
        minimum: the least age, in the unit of the column.
    """

    kind: ClassVar[str] = "age_limit"
    column: str = "user.age"
    minimum: float = 18.0

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"{group_label(self.items)} below {self.column} {self.minimum:g}"

    def before(self, requests: Requests, items: Items) -> Bool:
        return self._only_from(self.minimum, requests, items)


@dataclass(frozen=True)
class BrandSafety(Guard):
    """Items that are never shown, or never on one page with those of another group.

    Attributes:
        items: the group.
        beside: the other group; None = ``items`` are never shown at all.
    """

    kind: ClassVar[str] = "brand_safety"
    items: ItemGroup
    beside: ItemGroup | None = None

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        if self.beside is None:
            return f"{group_label(self.items)} is never shown"
        return f"{group_label(self.items)} beside {group_label(self.beside)}"

    @property
    def looks_back(self) -> bool:
        """Where there are two groups."""
        return self.beside is not None

    def bound(self, items: Items, columns: Mapping[str, Sequence[str]]) -> Self:
        mask = group_mask(self, self.items, items)
        if self.beside is not None and (mask & group_mask(self, self.beside, items, "beside")).any():
            fix = "an item is in both groups, so it could not stand beside itself: make them disjoint"
            raise InvalidInput("guards.brand_safety.beside", group_label(self.beside), fix)
        return self

    def before(self, requests: Requests, items: Items) -> Bool:
        if self.beside is not None:
            return super().before(requests, items)
        return ~in_group(self, self.items, requests, items)

    def after(self, requests: Requests, items: Items, positions: I32) -> Bool:
        if self.beside is None:
            return super().after(requests, items, positions)
        first = in_group(self, self.items, requests, items)
        second = in_group(self, self.beside, requests, items, "beside")
        has_first = (shown_count(first, positions) > 0)[:, None]
        has_second = (shown_count(second, positions) > 0)[:, None]
        allowed: Bool = ~(first & has_second) & ~(second & has_first)
        return allowed

    def never_shown(self, items: Items) -> Bool:
        return super().never_shown(items) if self.beside is not None else group_mask(self, self.items, items)

    def share_at_most(self, slots: int, items: Items) -> Mapping[str, float]:
        if self.beside is not None:
            return {}
        mask = group_mask(self, self.items, items)
        hidden = [
            name
            for row, name in enumerate(items.category_names)
            if (items.category == row).any() and mask[items.category == row].all()
        ]
        return dict.fromkeys(hidden, 0.0)
