"""What a sweep is made of: the keys ``seeds`` and ``sweep`` of a config."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ...core.errors import InvalidInput
from ..config import Section

MOST_CELLS = 100_000
Values = Annotated[list[Any], Field(min_length=1)]


class RangeSection(Section):
    """Numbers from ``low`` to ``high``, both of them possible; whole if both are."""

    low: int | float
    high: int | float
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _rises(self) -> RangeSection:
        if not self.low < self.high:
            raise InvalidInput("ranges.high", self.high, f"give a number above low, {self.low}")
        if self.scale == "log" and self.low <= 0:
            raise InvalidInput("ranges.low", self.low, "on a log scale give a number above 0")
        return self


class RandomSection(Section):
    """Points drawn at random: each setting from its range, or from its list of values."""

    count: int = Field(ge=1, le=MOST_CELLS, description="points")
    seed: int = Field(0, ge=0, lt=2**62, description="of the points alone")
    ranges: dict[str, RangeSection | Values] = Field(min_length=1, description="by dotted name of a setting")


class SweepSection(Section):
    """Points of a sweep, beside the lists that stand where a config takes one value."""

    grid: dict[str, Values] = Field({}, description="by dotted name of a setting: all combinations")
    random: RandomSection | None = Field(
        None, description="points at random; with a grid, for each of its own"
    )
    keep_runs: bool = Field(False, description="keep the whole run of every cell: log, policies, report")
    level: float = Field(0.95, gt=0.5, lt=1.0, description="of intervals over seeds")


class SweepOptions(Section):
    """The keys of a sweep at the top of a config."""

    seeds: int = Field(1, ge=1, le=10_000, description="repetitions: seed, seed + 1, ...")
    sweep: SweepSection = SweepSection()
