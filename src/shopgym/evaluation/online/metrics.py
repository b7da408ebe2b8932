"""What a test measures: means and ratios, their covariates, and how much a guardrail may lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...core.errors import InvalidInput, in_range, one_of

ROWS = "rows"
"""A column that every table has: 1 in each row."""


@dataclass(frozen=True)
class Metric:
    """A mean per unit, or a ratio of two sums over units.

    Attributes:
        numerator: a column.
        denominator: another column, for a ratio such as orders per session; None = a mean per unit.
        covariate: columns known before the test, (numerator, denominator or None), by which the
            metric is adjusted: CUPED (Deng, Xu, Kohavi and Walker 2013, Improving the sensitivity of online
            controlled experiments by utilizing pre-experiment data).
        minimise: whether less is better.
        margin: of a guardrail: the share of the control's value that may be lost; None = no guardrail.
    """

    numerator: str
    denominator: str | None = None
    covariate: tuple[str, str | None] | None = None
    minimise: bool = False
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.margin is not None:
            in_range(f"guardrail {self.name}", self.margin, 0.0, 1.0, open_low=True)
        if self.covariate == (self.numerator, self.denominator):
            raise InvalidInput(
                "--covariate", self.name, "no metric is its own: give one from before the test"
            )

    @property
    def name(self) -> str:
        """``orders/sessions``, or the column itself."""
        return self.numerator if self.denominator is None else f"{self.numerator}/{self.denominator}"

    @property
    def is_guardrail(self) -> bool:
        """Whether it only must not get worse than its margin."""
        return self.margin is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs, each once."""
        names = (self.numerator, self.denominator, *(self.covariate or ()))
        return tuple(dict.fromkeys(name for name in names if name not in (None, ROWS)))

    @classmethod
    def read(cls, text: str) -> Metric:
        """``revenue`` or ``orders/sessions``."""
        numerator, denominator = _parts("--metric", text)
        return cls(numerator, denominator)


def read_metrics(
    metrics: Sequence[str],
    guardrails: Sequence[str] = (),
    covariates: Sequence[str] = (),
    minimise: Sequence[str] = (),
) -> tuple[Metric, ...]:
    """The metrics that texts describe; the first decides.

    Args:
        metrics: ``revenue`` or ``orders/sessions``.
        guardrails: ``NAME:SHARE``, e.g. ``complaints:0.05`` or ``complaints:5%``.
        covariates: ``NAME=COLUMN`` or ``NAME=COLUMN/COLUMN``, e.g. ``revenue=revenue_before``.
        minimise: names of which less is better.

    Raises:
        InvalidInput: a text of another form, a name twice, or none of the metrics.
    """
    if not metrics:
        raise InvalidInput("--metric", list(metrics), "name at least one: the first decides")
    margins = dict(_guardrail(text) for text in guardrails)
    before = dict(_pair("--covariate", text, "=", "NAME=COLUMN") for text in covariates)
    names = [*metrics, *margins]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput("--metric", name, "name it once, as a metric or as a guardrail")
    for field, asked in (("--minimise", minimise), ("--covariate", before)):
        for name in asked:
            one_of(field, name, names)
    out = []
    for name in names:
        metric = Metric.read(name)
        covariate = None if name not in before else _parts("--covariate", before[name])
        out.append(
            Metric(metric.numerator, metric.denominator, covariate, name in minimise, margins.get(name))
        )
    return tuple(out)


def _parts(field: str, text: str) -> tuple[str, str | None]:
    numerator, slash, denominator = text.partition("/")
    if not numerator.strip() or (slash and not denominator.strip()):
        raise InvalidInput(field, text, "write COLUMN or COLUMN/COLUMN")
    return numerator.strip(), denominator.strip() or None


def _guardrail(text: str) -> tuple[str, float]:
    name, written = _pair("--guardrail", text, ":", "NAME:SHARE, e.g. complaints:5%")
    try:
        share = float(written.rstrip("%")) / (100.0 if written.endswith("%") else 1.0)
    except ValueError:
        raise InvalidInput("--guardrail", text, "write NAME:SHARE, e.g. complaints:5%") from None
    return name, share


def _pair(field: str, text: str, mark: str, form: str) -> tuple[str, str]:
    left, found_mark, right = text.rpartition(mark)
    if not (left.strip() and found_mark and right.strip()):
        raise InvalidInput(field, text, f"write {form}")
    return left.strip(), right.strip()


def shares_of(texts: Mapping[str, float] | Sequence[str]) -> dict[str, float]:
    """The planned shares of the arms: ``ARM=SHARE`` each, in any unit, e.g. ``control=9``.

    Raises:
        InvalidInput: a text of another form, or a share that is not above 0.
    """
    if isinstance(texts, Mapping):
        shares = {str(arm): float(share) for arm, share in texts.items()}
    else:
        shares = {}
        for text in texts:
            arm, written = _pair("--split", text, "=", "ARM=SHARE, e.g. control=9")
            try:
                shares[arm] = float(written)
            except ValueError:
                raise InvalidInput("--split", text, "write ARM=SHARE, e.g. control=9") from None
    for arm, share in shares.items():
        in_range(f"split.{arm}", share, 0.0, float("inf"), open_low=True, open_high=True)
    return shares
