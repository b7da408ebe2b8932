"""What a study came to, on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import print_table, say

if TYPE_CHECKING:
    import pandas as pd

WORDS = ("agent", "effect", "family", "scenario", "estimator", "model", "number", "interval", "by")
"""Columns that are no numbers."""
WIDTH = 140


def print_study(table: pd.DataFrame, config: Any, folder: Path | None) -> None:
    """Its tables, what failed, the headline, and where the rest is, if it stays."""
    from ..experiments.kinds import KINDS
    from ..experiments.studies.study import RUNS

    study = KINDS[config.kind].load_study()
    for title, rows in study.show(table, config):
        print_table(f"{config.name}: {title}", rows, left=WORDS, least=WIDTH)
    failed = table[table["failed"] != ""]
    for row in failed.drop_duplicates([name for name in ("agent", "scenario") if name in table]).to_dict(
        "records"
    ):
        say(f"{row['agent'] or row.get('scenario')} failed, {row['failed']}")
    say(study.headline(study.summary(config, table)))
    if folder is None:
        return
    say(f"every metric: {folder / RUNS}")
    for picture in sorted(folder.glob("*.png")):
        say(f"picture: {picture}")
