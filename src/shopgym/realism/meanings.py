"""What facts and effect sizes mean, in plain words: one sentence each, in ``meanings.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import pandas as pd
import yaml


@cache
def meanings() -> Mapping[str, str]:
    """By name of a registered fact or an effect size, what it means and in which unit it is."""
    text = resources.files(__package__).joinpath("meanings.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def meanings_of(table: pd.DataFrame) -> dict[str, str]:
    """The meanings of the facts or effect sizes of a table, by the names that it prints.

    Args:
        table: with a column ``name``; ``measure`` is the registered fact where that has another name.
    """
    measures = table["measure"] if "measure" in table else table["name"]
    return {str(name): meanings()[measure] for name, measure in zip(table["name"], measures, strict=True)}
