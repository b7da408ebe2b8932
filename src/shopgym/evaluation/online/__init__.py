"""Analysis and planning of online tests: a user's own table, or that of a test in the shop.

::

    metrics = read_metrics(["revenue", "orders/sessions"], guardrails=["complaints:5%"])
    print(analyse_test(Path("test.csv"), metrics, TestColumns(arm="variant", user="user")).sentence)

Means, ratios, CUPED and power are tea-tasting's (extra ``online``); the stop rule is the asymptotic
confidence sequence of :mod:`shopgym.evaluation.intervals`.
"""

from .analysis import EffectRow, TestAnalysis, TestOptions, analyse_rows, analyse_test
from .effects import Bounds, Effect, StopRule
from .metrics import Metric, read_metrics, shares_of
from .plan import Baseline, PlanOptions, TestPlan, baseline_of, plan_sentence, plan_test, read_plan
from .table import AssignedRows, TestColumns, read_test

__all__ = [
    "AssignedRows",
    "Baseline",
    "Bounds",
    "Effect",
    "EffectRow",
    "Metric",
    "PlanOptions",
    "StopRule",
    "TestAnalysis",
    "TestColumns",
    "TestOptions",
    "TestPlan",
    "analyse_rows",
    "analyse_test",
    "baseline_of",
    "plan_sentence",
    "plan_test",
    "read_metrics",
    "read_plan",
    "read_test",
    "shares_of",
]
