"""Two worlds with the same visitors: what a change of the shop, or of the policy, does, and where.

Both worlds serve the same people with the same random draws (:mod:`.policy_value`). A world is a shop and a
policy; worlds may differ in either. What is counted can be parted by surface, item, person, week or number of
the visit, so one comparison says what a price cut does to a category and to the rest::

    change = compare_worlds(Shop(catalog, config), Shop(catalog, cheaper), policy, by=by_items(labels))

A trial is a visit, the life of a customer or a season, as the clock of the shops says. The interval of a mean
of n trials is Student's t with n - 1 degrees of freedom; that of a relative change follows from the ratio of
two means (delta method).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, Philox

from ..core.batches import SLOT_TERMS, Feedback, Requests
from ..core.errors import InvalidInput, in_range, one_of
from ..core.protocols import DecisionRule
from ..core.text import aligned
from ..core.types import F64, I32, I64, AnyArray
from .calendar import Clock
from .page.exact_means import COMPETED
from .page.surfaces import SURFACES
from .policy_value import Value
from .rollout import Episode, EpisodicShop, rollout
from .shop import Shop

COUNTS = ("visits", "pages")
"""What is counted beside ``SLOT_TERMS``: visits that began, and pages."""
MONEY = ("units", "revenue", "margin")
EPISODES = {Clock.PAGES: Episode.VISIT, Clock.OWN: Episode.LIFE, Clock.SEASON: Episode.SEASON}
DAYS_A_WEEK = 7
ALL = "all"
"""The group of everything."""


@dataclass(frozen=True)
class Grouping:
    """What the slots of a page belong to.

    Attributes:
        names: of the G groups.
        numbers: from (shop, rows (r,), slates (r, k)) to the group of each slot, (r, k) or (r, 1); -1 = none.
        of_items: whether slots of one page may belong to different groups.
    """

    names: tuple[str, ...]
    numbers: Callable[[Shop, I64, I32], AnyArray]
    of_items: bool = False


def by_surface() -> Grouping:
    """By the kind of page: home, product, cart, search, e-mail."""
    return Grouping(SURFACES, lambda shop, rows, _: shop.visits.surface[rows, None])


def by_week(weeks: int) -> Grouping:
    """By the week since the shop opened; what comes later belongs to none."""

    def numbers(shop: Shop, rows: I64, _: I32) -> AnyArray:
        week = (shop.visits.time[rows, None] // DAYS_A_WEEK).astype(np.int64)
        return np.where(week < weeks, week, -1)

    return Grouping(tuple(f"week {week}" for week in range(weeks)), numbers)


def by_visit(first_of: Sequence[int] = (1, 2, 5)) -> Grouping:
    """By the number of the person's visit: groups begin with these numbers, from 1 on."""
    if list(first_of) != sorted({1, *first_of}):
        raise InvalidInput("first_of", list(first_of), "begin with 1 and go up")
    ends = [*(number - 1 for number in first_of[1:]), None]
    names = tuple(
        f"visit {a}" if a == b else f"visits {a} to {b}" if b else f"visit {a} and later"
        for a, b in zip(first_of, ends, strict=True)
    )
    starts = np.array(first_of)
    return Grouping(
        names, lambda shop, rows, _: np.searchsorted(starts, shop.visits.visit[rows, None], "right") - 1
    )


def by_items(labels: AnyArray) -> Grouping:
    """By a label (N,) of each item of the catalogue, for instance its category: that of the item shown."""
    names, codes = np.unique(np.asarray(labels, np.str_), return_inverse=True)

    def numbers(shop: Shop, _: I64, slates: I32) -> AnyArray:
        _fits("labels", codes, len(shop.catalog), "item of the catalogue")
        return np.where(slates >= 0, codes[slates], -1)

    return Grouping(tuple(names.tolist()), numbers, of_items=True)


def by_users(labels: AnyArray) -> Grouping:
    """By a label (M,) of each person, for instance a segment."""
    names, codes = np.unique(np.asarray(labels, np.str_), return_inverse=True)

    def numbers(shop: Shop, rows: I64, _: I32) -> AnyArray:
        _fits("labels", codes, len(shop.users), "user")
        return codes[shop.visits.user[rows, None]]

    return Grouping(tuple(names.tolist()), numbers)


@dataclass(frozen=True)
class TrialOutcomes:
    """What happened in n trials of one world.

    Attributes:
        terms, groups: what was counted, in which parts. The last group is ``all``.
        values: (T, n, G) sums over each trial, in the unit of the term.
        episode: what a trial is.
    """

    terms: tuple[str, ...]
    groups: tuple[str, ...]
    values: F64
    episode: str

    def values_of(self, term: str, group: str = ALL) -> F64:
        """(n,) one term of one group, trial by trial."""
        one_of("term", term, self.terms)
        one_of("group", group, self.groups)
        out: F64 = self.values[self.terms.index(term), :, self.groups.index(group)]
        return out


def outcomes(
    shop: Shop,
    policy: DecisionRule,
    *,
    trials: int = 2000,
    terms: Sequence[str] = MONEY,
    by: Grouping | None = None,
    seed: int = 0,
    exact: bool | None = None,
) -> TrialOutcomes:
    """Let ``policy`` serve ``trials`` visits, lives or seasons of a newly opened ``shop``, and count.

    A slot counts with its exact mean given the visitor's state. Where items compete, or the budget of a
    campaign may run out, there is none, and what happened counts.

    Args:
        trials: how many; visits and lives are rounded up to a multiple of the shop's lanes.
        terms: of ``SLOT_TERMS`` or ``COUNTS``.
        by: what to part by.
        exact: False = what happened counts in any case, to compare with a world without exact means.

    Raises:
        InvalidInput: an unknown term, too few trials, or a count of pages by items.
    """
    for term in terms:
        one_of("terms", term, (*SLOT_TERMS, *COUNTS))
        if term in COUNTS and by is not None and by.of_items:
            raise InvalidInput("terms", term, "a page has several items: part it by something else")
    in_range("trials", trials, 2, 2**31)
    episode = EPISODES[shop.clock]
    season = episode is Episode.SEASON
    each = trials if season else -(-trials // shop.lanes)
    world = EpisodicShop(shop, episode)
    world.open(seed)
    groups = (*(() if by is None else by.names), ALL)
    values = np.zeros((len(terms), each if season else each * shop.lanes, len(groups)))
    exact = has_exact_means(shop) if exact is None else exact and has_exact_means(shop)

    def before(rows: I64, _: Requests, slates: I32) -> tuple[F64, AnyArray | None]:
        amounts = _exact(shop, rows, slates, terms)
        return amounts, None if by is None else by.numbers(shop, rows, slates[rows])

    rng = Generator(Philox(key=seed))
    for step in rollout(
        world, policy, rng, episodes=each, before=before, look_ahead=False, decide_for_all=not season
    ):
        amounts, numbers = step.before
        if not exact:
            _replace_by_what_happened(amounts, step.feedback, step.rows, terms)
        trial = step.episode if season else step.rows * each + step.episode
        for total, amount in zip(values, amounts, strict=True):
            _add(total, trial, numbers, amount)
    return TrialOutcomes(tuple(terms), groups, values, str(episode))


@dataclass(frozen=True)
class Change:
    """One term of one group in two worlds, per trial.

    Attributes:
        group, term: what was counted.
        first, second: means of the two worlds.
        difference: second less first.
        relative: difference over ``first``; NaN where ``first`` is 0.
    """

    group: str
    term: str
    first: float
    second: float
    difference: Value
    relative: Value


@dataclass(frozen=True)
class Changes:
    """Two worlds compared: one row a group and term. It prints itself as a table."""

    rows: tuple[Change, ...]
    episode: str
    level: float

    def row(self, term: str, group: str = ALL) -> Change:
        """One of the rows."""
        one_of("term", term, dict.fromkeys(row.term for row in self.rows))
        one_of("group", group, dict.fromkeys(row.group for row in self.rows))
        return next(row for row in self.rows if (row.term, row.group) == (term, group))

    def __str__(self) -> str:
        head = ["", f"per {self.episode}", "first", "second", "difference", "relative"]
        cells = [head]
        for row in self.rows:
            change, share = row.difference, row.relative
            interval = f"{change.mean:+.3g} [{change.low:+.3g}, {change.high:+.3g}]"
            relative = f"{share.mean:+.1%} [{share.low:+.1%}, {share.high:+.1%}]"
            relative = relative if np.isfinite(share.mean) else "-"
            cells.append([row.group, row.term, f"{row.first:.4g}", f"{row.second:.4g}", interval, relative])
        return "\n".join(aligned(cells))


def changes(first: TrialOutcomes, second: TrialOutcomes, *, level: float = 0.95) -> Changes:
    """What is different in the ``second`` world; both had the same trials.

    Raises:
        InvalidInput: they were not counted alike.
    """
    in_range("level", level, 0.5, 1.0, open_high=True)
    for name in ("terms", "groups", "episode"):
        if getattr(first, name) != getattr(second, name):
            raise InvalidInput(
                name, getattr(second, name), f"count both worlds alike: {getattr(first, name)}"
            )
    if first.values.shape != second.values.shape:
        fix = f"give both worlds the same trials ({first.values.shape[1]})"
        raise InvalidInput("trials", second.values.shape[1], fix)
    rows = [
        _change(group, term, first.values_of(term, group), second.values_of(term, group), level)
        for group in first.groups
        for term in first.terms
    ]
    return Changes(tuple(rows), first.episode, level)


def compare_worlds(
    first: Shop,
    second: Shop,
    policy: DecisionRule,
    second_policy: DecisionRule | None = None,
    *,
    trials: int = 2000,
    terms: Sequence[str] = MONEY,
    by: Grouping | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Changes:
    """The ``second`` world less the ``first``, on the same visitors. Resets both shops.

    Args:
        first, second: shops with the same people: the same seed and the same settings of users.
        policy: of both worlds, or of the first where there is a ``second_policy``.
        trials, terms, by, seed: as in :func:`outcomes`.
        level: coverage of each interval.

    Raises:
        InvalidInput: other clocks, or other people.
    """
    if first.clock != second.clock or first.days != second.days:
        fix = f"give both shops the same clock and days: {first.clock}, {first.days:g}"
        raise InvalidInput("second.clock", f"{second.clock}, {second.days:g}", fix)
    policies = (policy, policy if second_policy is None else second_policy)
    _same_people(first, second)
    exact = has_exact_means(first) and has_exact_means(second)
    one, other = (
        outcomes(shop, rule, trials=trials, terms=terms, by=by, seed=seed, exact=exact)
        for shop, rule in zip((first, second), policies, strict=True)
    )
    return changes(one, other, level=level)


def _same_people(first: Shop, second: Shop) -> None:
    """Raise :class:`InvalidInput` unless the users are the same; what is configured of them may differ."""
    names = ["taste", "region"]
    if first.config.people.retention == second.config.people.retention:
        names += ["rate", "dropout"]
    for name in names:
        if not np.array_equal(getattr(first.users, name), getattr(second.users, name)):
            fix = "both shops must have the same people: the same seed, number of users, items and regions"
            raise InvalidInput(f"second.users.{name}", "other people than in the first shop", fix)


def has_exact_means(shop: Shop) -> bool:
    """Whether a page has exact means: items do not compete, and no campaign may run out of its budget."""
    return not shop.params.competition and all(np.isinf(c.budget) for c in shop.config.campaigns)


def _add(total: F64, trial: I64, numbers: AnyArray | None, amount: F64) -> None:
    """Add the ``amount`` (r, k) of each slot to its trial and group in ``total`` (n, G)."""
    np.add.at(total[:, -1], trial, amount.sum(axis=1))
    if numbers is not None:
        group, place = np.broadcast_to(numbers, amount.shape), np.broadcast_to(trial[:, None], amount.shape)
        inside = group >= 0
        np.add.at(total, (place[inside], group[inside]), amount[inside])


def _exact(shop: Shop, rows: I64, slates: I32, terms: Sequence[str]) -> F64:
    """(T, r, k) exact means of each slot; a count stands in the first slot."""
    on_page = (np.arange(slates.shape[1]) < shop.slots[:, None]) & (slates >= 0)
    amounts = np.zeros((len(terms), len(rows), slates.shape[1]))
    of_slots = [term for term in terms if term not in COUNTS]
    if of_slots:
        means, attention = shop.expected(slates), shop.attention(slates)
    for number, term in enumerate(terms):
        if term in COUNTS:
            amounts[number, :, 0] = 1.0 if term == "pages" else shop.visits.page[rows] == 0
        else:
            seen = on_page if term == "stockout" else attention
            amounts[number] = (seen * means[term])[rows]
    return amounts


def _replace_by_what_happened(amounts: F64, feedback: Feedback, rows: I64, terms: Sequence[str]) -> None:
    for number, term in enumerate(terms):
        if term in COMPETED:
            amounts[number] = feedback.term(term)[rows]


def _change(group: str, term: str, first: F64, second: F64, level: float) -> Change:
    base, other = float(first.mean()), float(second.mean())
    relative = Value(float("nan"), float("nan"), float("nan"), level, len(first))
    if base != 0.0:
        ratio = other / base
        relative = _interval((second - ratio * first) / base, level, ratio - 1.0)
    return Change(group, term, base, other, _interval(second - first, level), relative)


def _interval(values: F64, level: float, centre: float | None = None) -> Value:
    """Student's interval of the mean, around ``centre`` where that is not the mean itself."""
    from scipy.stats import t

    n = len(values)
    half = float(t.ppf((1.0 + level) / 2.0, n - 1)) * float(values.std(ddof=1)) / n**0.5
    mean = float(values.mean()) if centre is None else centre
    return Value(mean, mean - half, mean + half, level, n)


def _fits(field: str, codes: AnyArray, count: int, noun: str) -> None:
    if len(codes) != count:
        raise InvalidInput(field, f"{len(codes)} labels", f"give one for each {noun} ({count})")
