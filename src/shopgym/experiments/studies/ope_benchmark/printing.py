"""The benchmark as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...cells.cell import Row
from ..study import ShownTable
from .cells import BenchmarkCell, Totals
from .choices import PolicyChoice

SHOWN = ("ips", "snips", "dm", "dr", "switch-dr", "dr-os")
"""Estimators of the table of scenarios."""


def shown_tables(
    cells: Sequence[BenchmarkCell], by_interval: Mapping[str, Totals], choices: Sequence[PolicyChoice]
) -> list[ShownTable]:
    """Titles and rows, numbers as text; a table without rows is left out by who prints it."""
    delta = [c for c in cells if c.interval == "delta" and c.estimator in SHOWN and not c.table]
    return [
        ("Delta intervals at 95%, by scenario", [_of_scenario(c) for c in delta]),
        ("Logs read as tables: what a user is told", [_of_table(c) for c in cells if c.table]),
        ("All estimators, by interval", [_of_interval(name, t) for name, t in by_interval.items()]),
        ("Choosing the best of eight policies", [_of_choice(c) for c in choices]),
    ]


def _of_scenario(c: BenchmarkCell) -> Row:
    return {
        "scenario": c.scenario,
        "estimator": c.estimator,
        "error": f"{c.relative_error:.1%}",
        "bias": f"{c.bias:+.1%}",
        "coverage": f"{c.coverage:.1%} [{c.coverage_low:.0%}, {c.coverage_high:.0%}]",
        "width": f"{c.width:.2f}",
        "trust": f"{c.trust:.0%}",
        "caution": f"{c.caution:.0%}",
        "refuse": f"{c.refuse:.0%}",
    }


def _of_table(c: BenchmarkCell) -> Row:
    trusted = f"{c.coverage_trusted:.1%} [{c.trusted_low:.1%}, {c.trusted_high:.1%}]" if c.trusts else ""
    return {
        "scenario": c.scenario,
        "number": c.estimator,
        "logs": c.replicates + c.unanswered,
        "no number": c.unanswered,
        "refuse": f"{c.refuse * c.replicates:.0f}",
        "caution": f"{c.caution * c.replicates:.0f}",
        "trust": c.trusts,
        "trust is right": "yes" if c.trustworthy else "no",
        "coverage where trusted": trusted,
        "coverage": _share(c.coverage),
        "error": _share(c.relative_error),
    }


def _of_interval(name: str, t: Totals) -> Row:
    return {
        "interval": name,
        "cells": t.cells,
        "good": _share(t.good),
        "trusted, good": f"{t.trusted_good} of {t.trusted_cells}",
        "poor": t.poor,
        "of them refused": _share(t.poor_refused),
        "trusted": _share(t.poor_trusted),
        "others refused": _share(t.sound_refused),
    }


def _of_choice(c: PolicyChoice) -> Row:
    return {
        "scenario": c.scenario,
        "by": c.chooser,
        "error": f"{c.error:.1%}",
        "regret": f"{c.regret:.1%} +- {c.regret_error:.1%}",
        "right": f"{c.right:.0%}",
        "SharpeRatio@3": f"{c.sharpe:.2f}" if c.sharpe == c.sharpe else "",
    }


def _share(value: float) -> str:
    return f"{value:.0%}" if value == value else ""
