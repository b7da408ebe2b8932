"""The monitor of a reward: is what a policy earns still what the business wants?

It reads batches of pages, in training or from a log, and writes one :class:`MonitorRow` each. It raises an
alarm when the north star has fallen within the run, or lies below the reference policy's although the proxy
does not: an agent that has yet to learn has less of both. Both tests together raise a false alarm in at most
``error`` of the runs whose north star neither falls nor is below the reference's. What it cannot promise it
only shows: the correlated-proxy bound, divergences, entropy, and which terms have moved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ...core.errors import InvalidInput, in_range
from ...core.statistics import normal_quantile, sequence_half_width
from ...core.types import F64, AnyArray, Bool
from ...evaluation.offline.estimate import without_infinity
from .correlated_proxy import ProxyReference
from .decline import DeclineTest
from .divergence import Divergence

OnRow = Callable[["RewardMonitor"], None]
"""Called after every batch, e.g. with :meth:`.live.LiveView.show`."""
FEWEST_PAGES = 200
"""Pages from which a confidence sequence that holds for long series is looked at."""


@dataclass(frozen=True, eq=False)
class PageBatch:
    """What n pages earned.

    Attributes:
        proxy: (n, k) or (n,) the reward that the agent is trained on, by slot or by page.
        north_star: of the same shape, what the business wants.
        terms: (n,) amounts by name.
        divergence: of the policy from the reference policy on these pages; None where it is not known.
    """

    proxy: F64
    north_star: F64
    terms: Mapping[str, F64] = field(default_factory=dict)
    divergence: Divergence | None = None


@dataclass(frozen=True)
class MonitorRow:
    """What the monitor says after a batch.

    Attributes:
        pages: seen so far.
        proxy, north_star: means per page of the batch.
        correlation: of the two over the rows of the batch; NaN where one does not vary.
        bound: least north star per page that the proxy still guarantees (:mod:`.correlated_proxy`);
            -infinity: nothing; NaN: no divergence is known.
        chi, kl, entropy: root of chi^2, and as in :class:`.divergence.Divergence`; NaN where not known.
        decline: the largest z of :class:`.decline.DeclineTest` so far, over its threshold: an alarm above 1.
        drifted: terms whose mean has left that of the reference policy, with the sign of the move.
        set_aside: rows of the batch that held NaN or infinity, and were left out.
        alarm: why the run should stop; empty while nothing is shown.
    """

    pages: int
    proxy: float
    north_star: float
    correlation: float
    bound: float
    chi: float
    kl: float
    entropy: float
    decline: float
    drifted: Mapping[str, int]
    set_aside: int
    alarm: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return without_infinity(asdict(self))


class RewardMonitor:
    """Watches proxy and north star of a run.

    Args:
        reference: what the reference policy earned, e.g. from :func:`.collect.reference_batch`.
        batches: planned for the run; a decline is looked for in as many.
        error: probability of a false alarm in a run. Half of it is for a decline within the run, half for a
            north star below the reference's where the proxy is not. As much again, split over the terms,
            is for their drifts, which raise no alarm.
        north_star: its name, for messages.
        on_row: called after every batch.

    Raises:
        InvalidInput: fewer than two pages, or only such with NaN or infinity.
    """

    def __init__(
        self,
        reference: PageBatch,
        *,
        batches: int = 200,
        error: float = 0.05,
        north_star: str = "north star",
        on_row: OnRow | None = None,
    ) -> None:
        in_range("monitor.error", error, 0.0, 0.5, open_low=True)
        kept, set_aside = _finite(reference)
        if len(kept.proxy) < 2:
            fix = f"give at least two pages that are finite ({set_aside} were set aside)"
            raise InvalidInput("monitor.reference", len(reference.proxy), fix)
        self.reference = ProxyReference.measure(kept.proxy.ravel(), kept.north_star.ravel())
        self._slots = kept.proxy.size // len(kept.proxy)
        self._star, self._proxy = (_Mean.start(_per_page(part)) for part in (kept.north_star, kept.proxy))
        self._terms = {name: _Mean.start(amounts) for name, amounts in kept.terms.items()}
        self._seen: dict[str, _Mean] = {}
        self._all, self._all_proxy = _Mean(), _Mean()
        self._decline = DeclineTest(batches, error / 2)
        self.error, self.north_star, self.set_aside = error, north_star, set_aside
        self.on_row = on_row
        self.rows: list[MonitorRow] = []
        self.pages = 0

    @property
    def alarm(self) -> str:
        """Why the run should stop; empty while nothing is shown."""
        return self.rows[-1].alarm if self.rows else ""

    @property
    def per_page(self) -> tuple[float, float]:
        """Mean proxy and north star of a page under the reference policy."""
        return self._proxy.mean, self._star.mean

    @property
    def page_spreads(self) -> tuple[float, float]:
        """Their standard deviations."""
        return self._proxy.spread, self._star.spread

    @property
    def warnings(self) -> list[str]:
        """What keeps the monitor from saying more."""
        words = []
        if not self.reference.proxy_spread > 0:
            words.append("the proxy does not vary under the reference policy: it guarantees nothing")
        elif math.isnan(self.reference.correlation):
            words.append(f"{self.north_star} does not vary under the reference policy")
        elif self.reference.correlation <= 0:
            words.append(
                f"the proxy does not rise with {self.north_star} under the reference policy "
                f"(correlation {self.reference.correlation:.2f}): it guarantees nothing"
            )
        if self.set_aside:
            words.append(f"{self.set_aside} pages held NaN or infinity and were set aside")
        return words

    def add(self, batch: PageBatch) -> MonitorRow:
        """Take in a batch of pages; the row that is appended to :attr:`rows`.

        Rows that hold NaN or infinity are set aside and counted; a batch without others changes nothing.

        Raises:
            InvalidInput: proxy and north star have different shapes, or other slots than the reference's.
        """
        if batch.proxy.shape != batch.north_star.shape:
            shapes = (batch.proxy.shape, batch.north_star.shape)
            raise InvalidInput("monitor.north_star", shapes, "give it the shape of the proxy")
        kept, set_aside = _finite(batch)
        self.set_aside += set_aside
        proxy, star = _per_page(kept.proxy), _per_page(kept.north_star)
        if len(star):
            self.pages += len(star)
            self._all.add(star)
            self._all_proxy.add(proxy)
            for name, amounts in kept.terms.items():
                self._seen.setdefault(name, _Mean()).add(amounts)
        alarm = self.alarm
        if len(star) > 1 and self._decline.add(star.mean(), star.std(ddof=1) / math.sqrt(len(star))):
            alarm = alarm or f"{self.north_star} has fallen within the run"
        below = self._moved(self._all, self._star, self.error)  # one-sided at half of it
        if below < 0 and self._all_proxy.mean >= self._proxy.mean:
            alarm = alarm or f"{self.north_star} is below the reference policy's, and the reward is not"
        row = MonitorRow(
            pages=self.pages,
            proxy=float(proxy.mean()) if len(proxy) else math.nan,
            north_star=float(star.mean()) if len(star) else math.nan,
            correlation=_correlation(kept.proxy.ravel(), kept.north_star.ravel()),
            bound=self._bound(kept),
            chi=math.nan if batch.divergence is None else math.sqrt(batch.divergence.chi_squared),
            kl=math.nan if batch.divergence is None else batch.divergence.kl,
            entropy=math.nan if batch.divergence is None else batch.divergence.entropy,
            decline=self._decline.statistic / self._decline.threshold,
            drifted=self._drifts(),
            set_aside=set_aside,
            alarm=alarm,
        )
        self.rows.append(row)
        if self.on_row is not None:
            self.on_row(self)
        return row

    def _bound(self, batch: PageBatch) -> float:
        if batch.divergence is None or not batch.proxy.size:
            return math.nan
        return self._slots * self.reference.lower_bound(
            float(batch.proxy.mean()), batch.divergence.chi_squared
        )

    def _drifts(self) -> dict[str, int]:
        common = [name for name in self._seen if name in self._terms]
        error = self.error / max(len(common), 1)
        moves = {name: self._moved(self._seen[name], self._terms[name], error) for name in common}
        return {name: move for name, move in moves.items() if move}

    def _moved(self, seen: _Mean, reference: _Mean, error: float) -> int:
        """1 or -1 if the mean so far has left the reference's for sure, else 0: two-sided, at ``error``.

        The mean of the run has a confidence sequence at three quarters of the error, which holds at all
        moments; that of the reference a normal interval at the last quarter.
        """
        if seen.count < FEWEST_PAGES:
            return 0
        half = sequence_half_width(seen.count, seen.spread, 0.75 * error, 10 * FEWEST_PAGES)
        half += normal_quantile(1.0 - 0.25 * error) * reference.spread / math.sqrt(reference.count)
        gap = seen.mean - reference.mean
        return 0 if abs(gap) <= half else (1 if gap > 0 else -1)


@dataclass
class _Mean:
    """A running mean and variance (Chan, Golub and LeVeque 1983)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def start(cls, values: AnyArray) -> _Mean:
        mean = cls()
        mean.add(values)
        return mean

    def add(self, values: AnyArray) -> None:
        if not len(values):
            return
        gap, count = float(values.mean()) - self.mean, self.count + len(values)
        self.squares += float(np.square(values - values.mean()).sum())
        self.squares += gap**2 * self.count * len(values) / count
        self.mean += gap * len(values) / count
        self.count = count

    @property
    def spread(self) -> float:
        return math.sqrt(self.squares / max(self.count - 1, 1))


def _per_page(values: F64) -> F64:
    return values if values.ndim == 1 else np.asarray(values.sum(axis=1))


def _finite(batch: PageBatch) -> tuple[PageBatch, int]:
    """The pages without NaN and infinity, and how many others there were."""
    good: Bool = np.ones(len(batch.proxy), np.bool_)
    for values in (batch.proxy, batch.north_star, *batch.terms.values()):
        good &= np.isfinite(values).reshape(len(good), -1).all(axis=1)
    if good.all():
        return batch, 0
    terms = {name: values[good] for name, values in batch.terms.items()}
    kept = PageBatch(batch.proxy[good], batch.north_star[good], terms, batch.divergence)
    return kept, int((~good).sum())


def _correlation(one: F64, other: F64) -> float:
    if len(one) < 2 or not one.std() > 0 or not other.std() > 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])
