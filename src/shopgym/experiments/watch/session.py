"""The shop that is watched: it goes on page by page, and whoever watches may intervene.

A session depends on what is watched, its seed and the actions in their order, and on nothing else: time on a
clock plays no part. ``act`` takes an action as plain values, ``snapshot`` gives all that the page shows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, did_you_mean, in_range, one_of, whole_number
from ...core.types import I64, AnyArray
from ...policies.retrieval.retriever import StockAwareRetriever
from ...simulators import Campaign, Shop
from ...simulators.build_params import draw_users
from ...simulators.calendar import Clock
from ...simulators.market.item_stock import ItemStock
from ...simulators.rollout import Episode, EpisodicShop, rollout
from ..seeds import stage_rng, stage_seed
from .interventions import ExplainedPolicy
from .totals import WatchedTotals
from .views import View, clock, pages_before, stock_rows, with_response
from .watched_shop import WatchedShop

MOST_VISITORS = 24
MOST_STEPS = 1000
SLOWEST, FASTEST = 0.2, 100.0
"""Steps a second; a step shows one page to every visitor."""
BARS, NEWS, REMEMBERED = 12, 30, 200
"""Items with a stock bar, lines of news, and actions that are remembered."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ACTIONS: dict[str, tuple[str, ...]] = {
    "pause": (),
    "resume": (),
    "step": ("steps",),
    "speed": ("steps_per_second",),
    "policy": ("name",),
    "stockout": ("item", "category", "top"),
    "promotion": ("category", "price_off", "days", "share"),
}
"""What one may do, and the fields of each."""


class WatchSession:
    """A season of a shop under the eyes of somebody.

    Args:
        watched: the shop and its policies.
        visitors: visits at a time.

    Attributes:
        running: whether the shop is to go on by itself; somebody else calls :meth:`step`.
        steps_per_second: how fast.
        policy: the name of the policy that chooses the pages now.

    Raises:
        InvalidInput: the shop cannot be opened, or ``visitors`` is out of range.
    """

    def __init__(self, watched: WatchedShop, *, visitors: int = 6) -> None:
        in_range("--visitors", visitors, 1, MOST_VISITORS)
        self.watched = watched
        guards = [guard for policy in watched.policies.values() for guard in policy.guards]
        self.policies = {name: ExplainedPolicy(policy, guards) for name, policy in watched.policies.items()}
        self.policy = next(iter(self.policies))
        self.running, self.steps_per_second = True, 2.0
        seed, catalog, config = watched.seed, watched.catalog, watched.config
        self._shop = Shop(
            catalog,
            config,
            lanes=visitors,
            seed=stage_seed(seed, "watch"),
            users=draw_users(catalog, config, watched.population),
            clock=Clock.SEASON,
            days=watched.days,
        )
        self._world = EpisodicShop(self._shop, Episode.SEASON)
        self._world.open(stage_seed(seed, "watch"))
        names = self._shop.context_names
        self._columns = [names.index(name) for name in watched.context_names]
        self._retriever: StockAwareRetriever | None = None
        self._steps = rollout(
            self._world,
            lambda: self.policies[self.policy],
            stage_rng(seed, "watch"),
            candidates=self._as_policies_know_it,
            before=lambda rows, asked, slates: pages_before(self._shop, rows, slates),
            look_ahead=False,
        )
        self._totals = WatchedTotals(remembers=config.people.enabled)
        self._guards: dict[str, Counter[str]] = {}
        self._changes: deque[View] = deque(maxlen=NEWS)
        self._news: deque[View] = deque(maxlen=NEWS)
        self._done: deque[View] = deque(maxlen=REMEMBERED)
        self._pages: list[View] = []
        self._step_count = self._seasons = 0
        self._do: Mapping[str, Callable[..., None]] = {
            "pause": self._act_pause,
            "resume": self._act_resume,
            "step": self._act_step,
            "speed": self._act_speed,
            "policy": self._act_policy,
            "stockout": self._act_stockout,
            "promotion": self._act_promotion,
        }
        self._bars: I64 = np.argsort(-catalog.items.popularity, kind="stable")[:BARS]

    # going on

    def step(self, steps: int = 1) -> None:
        """Show so many pages, one after the other, to every visitor.

        Raises:
            InvalidInput: nobody comes to this shop in a whole season.
        """
        for _ in range(steps):
            self._one_step()

    def _one_step(self) -> None:
        policy = self.policy
        step = next(self._steps, None)
        if step is None:
            per_day = self.watched.config.arrivals.per_day
            fix = f"nobody came in {self.watched.days:g} days: give more visitors a day"
            raise InvalidInput("shop.arrivals.per_day", per_day, fix)
        self._step_count += 1
        changes = self.policies[policy].left_out
        self._pages = [
            with_response(self._shop, view, step, at, changes) for at, view in enumerate(step.before)
        ]
        self._count_guards(policy)
        for page in self._pages:
            self._tell(page)
        self._totals.add(policy, step, self._day, self._in_stock)
        if self._world.season_is_over:  # the next step opens the shop anew
            self._seasons += 1
            self._news.appendleft(
                {"day": round(self._day, 3), "text": "The season is over; the next begins."}
            )

    def _count_guards(self, policy: str) -> None:
        for guard in self.watched.policies[policy].guards:
            counted = self._guards.setdefault(guard.label, Counter())
            left_out = [sum(c["guard"] == guard.label for c in page["left_out"]) for page in self._pages]
            counted.update(pages=len(left_out), changed=sum(map(bool, left_out)), items=sum(left_out))
        for page in self._pages:
            for change in page["left_out"]:
                self._changes.appendleft({"day": page["day"], "customer": page["customer"], **change})

    def _tell(self, page: View) -> None:
        who = f"Customer {page['customer']}"
        currency = self.watched.catalog.items.currency
        told = [f"{who} came, visit {page['visit']}."] if page["page"] == 1 else []
        told += [
            f"{who} bought {slot['bought']} × {slot['name']}, margin {slot['margin']:.2f} {currency}."
            for slot in filter(None, page["slots"])
            if slot["bought"]
        ]
        self._news.extendleft({"day": page["day"], "text": text} for text in told)

    def _as_policies_know_it(self, requests: Requests) -> Requests:
        """Requests with the columns that policies know, and with candidates where a retriever finds them."""
        asked = requests
        if len(self._columns) < requests.context.shape[1]:
            asked = _with_columns(requests, self._columns)
        if self.watched.retriever is None:
            return asked
        available = self._shop.stock.available
        if self._retriever is None or self._retriever.in_stock is not available:  # a new season, a new stock
            self._retriever = StockAwareRetriever(self.watched.retriever, available)
        return self._retriever.fill(asked)

    # intervening

    def act(self, action: Mapping[str, Any]) -> None:
        """Do something: ``{"action": NAME, ...}`` with the fields of :data:`ACTIONS`.

        Raises:
            InvalidInput: an unknown action or field, or a value that is not possible; nothing has changed.
        """
        name = action.get("action")
        one_of("action", name, ACTIONS)
        options, fields = {**action}, ACTIONS[str(name)]
        del options["action"]
        for field in options:
            if field not in fields:
                fix = f"{name} takes {', '.join(fields) or 'nothing'}{did_you_mean(field, fields)}"
                raise InvalidInput(field, action[field], fix)
        self._do[str(name)](**options)

    def _act_pause(self) -> None:
        self.running = False

    def _act_resume(self) -> None:
        self.running = True

    def _act_step(self, steps: int = 1) -> None:
        in_range("steps", whole_number("steps", steps), 1, MOST_STEPS)
        self.step(steps)

    def _act_speed(self, steps_per_second: float = 2.0) -> None:
        in_range("steps_per_second", steps_per_second, SLOWEST, FASTEST)
        self.steps_per_second = float(steps_per_second)

    def _act_policy(self, name: str = "") -> None:
        one_of("name", name, self.policies)
        if name != self.policy:
            self._note("policy", f"Policy {self.policy} → {name}")
            self.policy = name

    def _act_stockout(self, item: str | None = None, category: str | None = None, top: int = 0) -> None:
        rows = self._rows(item, category, top)
        units = self._shop.calendar.write_off(rows)
        what = item and str(self.watched.catalog.items.name[rows[0]])
        what = what or (f"{category}, {len(rows)} items" if category else f"the {len(rows)} best sellers")
        self._note("stockout", f"Sold out: {what} ({units} units taken out)")

    def _act_promotion(
        self,
        category: str | None = None,
        price_off: float = 0.2,
        days: float = 7.0,
        share: float = 1.0,
    ) -> None:
        number = -1 if category is None else self._category(category)
        for field, value in (("price_off", price_off), ("days", days), ("share", share)):
            in_range(field, value, 0.0, 364.0 if field == "days" else 1.0, open_low=True)
        in_range("price_off", price_off, 0.0, 0.9)
        campaign = Campaign(
            start=self._shop.day, days=days, category=number, share=share, price_off=price_off
        )
        offered = int(np.count_nonzero(self._shop.calendar.start_campaign(campaign)))
        what = category or "the whole range"
        self._note("promotion", f"{price_off:.0%} off {what} for {days:g} days ({offered} items)")

    def _rows(self, item: str | None, category: str | None, top: int) -> AnyArray:
        """Item rows that are named in one of three ways."""
        if sum((item is not None, category is not None, top != 0)) != 1:
            fix = "give one of them: an item id, a category, or how many of the best sellers"
            raise InvalidInput("item, category, top", [item, category, top], fix)
        catalog = self.watched.catalog
        if category is not None:
            return np.flatnonzero(catalog.items.category == self._category(category))
        if item is not None and not isinstance(item, str):
            raise InvalidInput("item", item, "give the id of an item as a text")
        whole_number("top", top)
        return ItemStock(ids=(item,) if item is not None else (), top=top).rows(catalog, "stockout")

    def _category(self, name: str) -> int:
        names = self.watched.catalog.items.category_names
        one_of("category", name, names)
        return names.index(name)

    def _note(self, kind: str, text: str) -> None:
        day = round(self._day, 3)
        self._done.append({"day": day, "kind": kind, "text": text})
        self._news.appendleft({"day": day, "text": text + "."})

    # what is seen

    @property
    def _day(self) -> float:
        """Days since the first season began."""
        return self._seasons * self.watched.days + self._shop.day

    @property
    def _in_stock(self) -> float:
        return float(self._shop.today.available[0].mean())

    def about(self) -> dict[str, Any]:
        """What does not change while the shop is watched, as plain values."""
        watched, items = self.watched, self.watched.catalog.items
        return {
            "name": watched.name,
            "purpose": watched.purpose,
            "notes": list(watched.notes),
            "seed": watched.seed,
            "days": watched.days,
            "items": len(items),
            "currency": items.currency,
            "categories": list(items.category_names),
            "policies": list(self.policies),
            "visitors": self._shop.lanes,
            "slots": watched.config.slate_size,
            "has_stock": watched.config.stock.enabled,
            "has_returns": watched.config.returns.enabled,
            "has_satisfaction": watched.config.people.enabled,
        }

    def snapshot(self) -> dict[str, Any]:
        """All that is seen now, as plain values: finite numbers, texts, lists and mappings."""
        day = self._shop.day
        return {
            "steps": self._step_count,
            "running": self.running,
            "steps_per_second": self.steps_per_second,
            "policy": self.policy,
            "season": self._seasons + 1,
            "day": round(self._day, 3),
            "date": f"{WEEKDAYS[int(day) % 7]} {clock(day)}",
            "pages": self._pages,
            "stock": stock_rows(self._shop, self._bars) if self.watched.config.stock.enabled else [],
            "in_stock": round(self._in_stock, 4),
            "guards": [
                {"guard": label, **{name: counts[name] for name in ("pages", "changed", "items")}}
                for label, counts in self._guards.items()
            ],
            "changes": list(self._changes),
            "news": list(self._news),
            "actions": list(self._done),
            "promotions": self._promotions(day),
            **self._totals.snapshot(),
        }

    def _promotions(self, day: float) -> list[dict[str, Any]]:
        market, names = self._shop.market, self.watched.catalog.items.category_names
        running, rows = set(market.running(day)), []
        for number, (campaign, report) in enumerate(zip(market.campaigns, market.report(), strict=True)):
            if number in running:
                rows.append(
                    {
                        "category": names[campaign.category] if campaign.category >= 0 else "whole range",
                        "price_off": campaign.price_off,
                        "items": int(np.count_nonzero(market.offered[number])),
                        "days_left": round(campaign.start + campaign.days - day, 1),
                        "spent": round(float(report["spent"]), 2),
                        "lines": int(report["lines"]),
                    }
                )
        return rows


def _with_columns(requests: Requests, columns: list[int]) -> Requests:
    """Requests with these columns of the context only."""
    context: AnyArray = requests.context[:, columns]
    return replace(requests, context=context)
