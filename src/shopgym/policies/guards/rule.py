"""What a guard is, and how several of them act together on one slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np

from ...core.batches import EMPTY, Requests
from ...core.errors import InvalidInput, did_you_mean
from ...core.items import Items
from ...core.reward.costs import ItemGroup
from ...core.types import I32, AnyArray, Bool


class Guard:
    """A rule. It may forbid candidates outright, or depending on the slots chosen so far.

    A rule with a state never holds it: what it counted stands in ``Requests.counters``, which
    :class:`.counters.GuardCounters` fills before the decision. So a logged request has all that its
    propensities depend on.
    """

    kind: ClassVar[str]
    gives_way: ClassVar[bool] = False
    """Whether it asks for something (a floor): it asks for nothing where no candidate is left that fits."""

    @property
    def looks_back(self) -> bool:
        """Whether ``after`` depends on earlier slots; then slot marginals have no closed form."""
        return False

    @property
    def label(self) -> str:
        """Its name in tables; two rules of one kind may differ in it."""
        return self.kind

    @property
    def why(self) -> str:
        """Why it forbids a candidate, in a few words."""
        return self.kind.replace("_", " ")

    def before(self, requests: Requests, items: Items) -> Bool:
        """(n, m) candidates the rule allows at all."""
        return np.ones(requests.candidates.shape, dtype=bool)

    def after(self, requests: Requests, items: Items, positions: I32) -> Bool:
        """(n, m) candidates the rule allows after the slots ``positions`` (n, j); j may be 0."""
        return np.ones(requests.candidates.shape, dtype=bool)

    def bound(self, items: Items, columns: Mapping[str, Sequence[str]]) -> Self:
        """The same rule, checked against a catalogue and the columns of a request.

        Args:
            items: the catalogue.
            columns: names of the columns of a request, by ``user`` and ``context``.

        Raises:
            InvalidInput: it names an item, a category or a column that there is not.
        """
        return self

    def never_shown(self, items: Items) -> Bool:
        """(N,) items that it forbids to everybody, by what the catalogue says of them."""
        return np.zeros(len(items), np.bool_)

    def share_at_most(self, slots: int, items: Items) -> Mapping[str, float]:
        """What it leaves at most of a page of so many slots, by category: for rules that contradict it."""
        return {}

    def spec(self) -> dict[str, Any]:
        """JSON-able form; :func:`.registry.guard_from_spec` reads it back."""
        values = {name: value for name, value in asdict(self).items() if value is not None}  # type: ignore[call-overload]
        for name, value in values.items():
            if isinstance(getattr(self, name), ItemGroup):
                values[name] = {part: list(names) for part, names in value.items() if names}
        return {"kind": self.kind, **values}


def group_mask(guard: Any, group: ItemGroup, items: Items, field: str = "items") -> Bool:
    """(N,) bool, the items of a rule's group.

    Raises:
        InvalidInput: there is no such category or item, or nothing is in the group.
    """
    cached = guard.__dict__.get(f"_{field}")
    if cached is None or cached[0] is not items:
        try:
            inside = group.mask(items)
        except InvalidInput as error:
            end = error.field.rpartition(".")[2]
            raise InvalidInput(f"guards.{guard.kind}.{field}.{end}", error.value, error.fix) from None
        if not inside.any():
            fix = "no item of the catalogue is in it: name another group, or leave the rule out"
            raise InvalidInput(f"guards.{guard.kind}.{field}", group_label(group), fix)
        cached = items, inside
        guard.__dict__[f"_{field}"] = cached  # the rule itself is frozen; this only saves time
    mask: Bool = cached[1]
    return mask


def group_label(group: ItemGroup) -> str:
    """A group in a few words: ``Toys, Gifts`` or ``3 items``."""
    parts = [*group.categories] + ([f"{len(group.item_ids)} items"] if group.item_ids else [])
    return ", ".join(parts)


def in_group(guard: Any, group: ItemGroup, requests: Requests, items: Items, field: str = "items") -> Bool:
    """(n, m) bool, the candidates that belong to a rule's group; False at padding."""
    mask = group_mask(guard, group, items, field)
    return mask[np.maximum(requests.candidates, 0)] & (requests.candidates >= 0)


def shown_count(values: Bool, positions: I32) -> AnyArray:
    """(n,) how many of the slots ``positions`` (n, j) show a candidate marked in ``values`` (n, m)."""
    marked = np.take_along_axis(values, np.maximum(positions, 0), axis=1) & (positions >= 0)
    count: AnyArray = marked.sum(axis=1)
    return count


def column_index(kind: str, column: str, columns: Mapping[str, Sequence[str]]) -> int:
    """Where ``user.NAME`` or ``context.NAME`` stands on its side of a request.

    Raises:
        InvalidInput: the requests have no such column.
    """
    side, _, name = column.partition(".")
    names = [f"{part}.{one}" for part, ones in columns.items() for one in ones]
    if column not in names:
        fix = f"the requests have no such column; they have {', '.join(names) or 'none'}"
        raise InvalidInput(f"guards.{kind}.column", column, fix + did_you_mean(column, names))
    return list(columns[side]).index(name)


def counted(guard: Any, requests: Requests, name: str) -> AnyArray:
    """The counter ``name`` of the requests: (n,) or (n, m).

    Raises:
        InvalidInput: the requests do not have it, or it is no number for each request or candidate.
    """
    if name not in requests.counters:
        fix = f"the rule {guard.kind} needs it: fill requests by GuardCounters, as rollout and server do"
        raise InvalidInput(f"requests.counters.{name}", None, fix)
    values, field = requests.counters[name], f"requests.counters.{name}"
    if values.shape not in (requests.candidates.shape, (len(requests),)):
        n, m = requests.candidates.shape
        raise InvalidInput(field, values.shape, f"give shape ({n},), or ({n}, {m}) where candidates count")
    if values.dtype.kind not in "iuf" or not ((values >= 0) & np.isfinite(values)).all():
        fix = "give finite numbers from 0 on: fill requests by GuardCounters"
        raise InvalidInput(field, values.tolist(), fix)
    return values


def allowed_at_all(guards: Sequence[Guard], requests: Requests, items: Items) -> Bool:
    """(n, m) candidates that no guard forbids whatever else is on the page; padding is forbidden."""
    allowed: Bool = requests.candidates >= 0
    for guard in guards:
        allowed = allowed & guard.before(requests, items)
    return allowed


def allowed_next(
    guards: Sequence[Guard], requests: Requests, items: Items, allowed: Bool, positions: I32
) -> Bool:
    """(n, m) what may stand in the next slot after the slots ``positions`` (n, j).

    Rules that forbid come first. Then each rule that :attr:`~Guard.gives_way` keeps only what it asks for,
    unless nothing of that is left. What stands on the page already is left out only where such rules act.

    Args:
        allowed: (n, m) of :func:`allowed_at_all`.
    """
    for guard in guards:
        if guard.looks_back and not guard.gives_way:
            allowed = allowed & guard.after(requests, items, positions)
    floors = [guard for guard in guards if guard.gives_way]
    if floors:
        allowed = allowed & ~placed(positions, allowed.shape[1])
    for guard in floors:
        wanted = allowed & guard.after(requests, items, positions)
        allowed = np.where(wanted.any(axis=1, keepdims=True), wanted, allowed)
    return allowed


def placed(positions: I32, m: int) -> Bool:
    """(n, m) candidates that stand in one of the slots ``positions`` (n, j)."""
    chosen = np.zeros((len(positions), m + 1), np.bool_)  # the last column takes the empty slots
    chosen[np.arange(len(positions))[:, None], np.where(positions >= 0, positions, EMPTY)] = True
    return chosen[:, :m]
