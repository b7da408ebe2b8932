"""The verdict on an estimate, from its diagnostics: trust, caution or refuse, and why.

Refusals also come from other places:

- :attr:`.inputs.OpeInputs.doubts`: what the reader of the log has against every number made of it;
- :mod:`.agreement`: estimators that ought to agree and do not; a model that nothing checks;
- :meth:`.inputs.OpeInputs.assumption_reasons`: the log contradicts what the weights assume;
- :meth:`.estimator.Estimator.misfits`: predictions that are conditional on the slots before, for an
  estimator that cannot use them;
- :class:`.slate.estimators.PseudoInverse`: slots that were not drawn independently of one another;
- :class:`~shopgym.evaluation.errors.NoOverlap`, raised instead of an estimate where the target never shows
  what was logged; :mod:`shopgym.evaluation.answer` reports it as a refusal, as it does a value that is not
  finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .diagnostics import Diagnostics
from .influence import Influence

TRUST, CAUTION, REFUSE = "trust", "caution", "refuse"
Reason = tuple[str, str]
"""A verdict and why."""


@dataclass(frozen=True)
class Thresholds:
    """Where trust ends. Numbers without a source are conventions of this package.

    Attributes:
        ess_caution, ess_refuse: effective rounds below which a normal interval is doubtful (200) or worth
            nothing (30, the textbook least for a mean; Owen 2013, chapter 9, on effective sample size).
        pareto_caution, pareto_refuse: 0.7 is where the error of importance sampling grows out of
            proportion, 1 where its mean ceases to exist (Vehtari et al. 2024, section 3).
        pareto_share: of the heaviest round in sum w^2, below which there is no such tail, whatever the fit
            says. Weights of Pareto-k 0.7 hardly ever fall below it, in logs of any length (in none of 1,240
            simulated logs; ``tests/evaluation/test_verdict.py``). A fit to bounded weights, such as those of
            a few favoured actions, may be steep all the same.
        tail_caution: share of the weight on 1% of the rounds.
        z: standard errors by which the mean weight or the reward model may miss; beyond 4 a right one
            is found once in 16,000 logs.
        mean_weight_refuse: how far the mean weight may be from 1, once it is beyond ``z``.
        propensity_p: p-value below which logged propensities are suspicious, as rare as ``z``.
        propensity_p_refuse, propensity_excess_refuse: p-value below which they are wrong, which right ones
            reach once in 10^9 logs, and the share by which some action is then at least logged too often for
            a refusal: in a very long log the smallest error is certain, and may do no harm.
        unsupported_caution, unsupported_refuse: share of the target that the log says nothing about; it is
            missing from the value up to that share of the largest reward (Sachdeva, Su and Joachims 2020).
            An action that the log could have shown but did not does no harm. The mean weight is then nearer
            to 1 than to 1 less the unsupported share, the propensities are not contradicted, and the verdict
            is caution.
        error_caution, error_refuse: rounds on which the standard error may rest
            (:class:`.influence.Influence`), from ``shopgym ope-benchmark``: see ``docs/ope-benchmark.md``.
        clusters_caution, clusters_refuse: clusters, such as users, below which an interval over them is
            doubtful or worth nothing.
        effective_clusters_caution: the same of clusters of unequal size and weight.
        cluster_error_caution, skewness_caution: with the small-sample corrections of
            :class:`~shopgym.evaluation.intervals.clusters.Clustered` the standard error may rest on as few as
            6 clusters if their influences are as even as a normal variable's: skewness^2 / clusters at most
            0.01. Otherwise it has to rest on ``error_caution``, as without clusters.
        shift_caution, shift_refuse: bias in standard errors. A normal interval at 95% covers 94.3% with a
            bias of 0.25 of them, 90% with 0.65.
    """

    ess_caution: float = 200.0
    ess_refuse: float = 30.0
    pareto_caution: float = 0.7
    pareto_refuse: float = 1.0
    pareto_share: float = 0.05
    tail_caution: float = 0.5
    z: float = 4.0
    mean_weight_refuse: float = 0.2
    propensity_p: float = 6e-5
    propensity_p_refuse: float = 1e-9
    propensity_excess_refuse: float = 0.1
    unsupported_caution: float = 0.01
    unsupported_refuse: float = 0.1
    error_caution: float = 40.0
    error_refuse: float = 4.0
    clusters_caution: float = 40.0
    clusters_refuse: float = 10.0
    effective_clusters_caution: float = 15.0
    cluster_error_caution: float = 6.0
    skewness_caution: float = 0.01
    shift_caution: float = 0.25
    shift_refuse: float = 0.65


THRESHOLDS = Thresholds()


def judge(
    diagnostics: Diagnostics,
    *,
    weighted: bool,
    influence: Influence | None = None,
    reasons: Sequence[Reason] = (),
    limits: Thresholds = THRESHOLDS,
) -> Reason:
    """The verdict and its reason, empty for ``trust``.

    Args:
        diagnostics: of the weights.
        weighted: whether the estimator uses the weights; else it is as right as its reward model only.
        influence: of the estimate, asked of weighted ones only; None where it has none.
        reasons: what else there is to say against the estimate.
        limits: where trust ends.
    """
    all_reasons = [*_support(diagnostics, limits), *_clusters(diagnostics, limits)]
    all_reasons += _weights(diagnostics, limits) if weighted else _model(diagnostics, limits)
    if weighted and influence is not None:
        all_reasons += _influence(influence, limits, clustered=not math.isnan(diagnostics.clusters))
    all_reasons += reasons
    for word in (REFUSE, CAUTION):
        if words := [text for verdict, text in all_reasons if verdict == word]:
            return word, "; ".join(dict.fromkeys(words))
    return TRUST, ""


def _weights(diagnostics: Diagnostics, limits: Thresholds) -> Iterator[Reason]:
    if diagnostics.ess < limits.ess_caution:
        word = REFUSE if diagnostics.ess < limits.ess_refuse else CAUTION
        yield word, f"for this policy the log is worth only {diagnostics.ess:.0f} rounds"
    if diagnostics.pareto_k > limits.pareto_caution and diagnostics.max_share >= limits.pareto_share:
        word = REFUSE if diagnostics.pareto_k >= limits.pareto_refuse else CAUTION
        yield word, f"the weights have a heavy tail (Pareto-k {diagnostics.pareto_k:.2f})"
    if diagnostics.tail_mass > limits.tail_caution:
        yield CAUTION, f"1% of the rounds carry {diagnostics.tail_mass:.0%} of the weight"
    if abs(diagnostics.weight_z) > limits.z:
        cause = "the propensities are wrong, or the log could not show all that the target shows"
        yield _off(diagnostics, limits), f"{_mean_weight(diagnostics)}: {cause}"
    if diagnostics.propensity_p < limits.propensity_p:
        yield _propensities(diagnostics, limits)


def _propensities(diagnostics: Diagnostics, limits: Thresholds) -> Reason:
    p, excess = diagnostics.propensity_p, diagnostics.propensity_excess
    if p < limits.propensity_p_refuse and excess >= limits.propensity_excess_refuse:
        wrong = f"some action is logged at least {excess:.0%} more often than its propensities say"
        return REFUSE, f"the propensities are wrong: {wrong}"
    chance = f"{p:.1g}" if p >= 1e-6 else "less than one in a million"
    return CAUTION, f"actions are not logged as often as their propensities say (by chance: {chance})"


def off(z: float) -> str:
    """How far a value is from what it has to be, in words."""
    return f"{abs(z):.0f} standard errors off" if abs(z) < 100 else "over 100 standard errors off"


def _mean_weight(diagnostics: Diagnostics) -> str:
    if not math.isnan(diagnostics.pair_z):  # the mean over slots may hide the one that is off
        return f"the weights of a slot do not average 1 ({off(diagnostics.weight_z)})"
    return f"the mean weight is {_not_one(diagnostics.mean_weight)}, not 1 ({off(diagnostics.weight_z)})"


def _not_one(value: float) -> str:
    """``value`` with three digits, or as many as tell it from 1."""
    return next(text for digits in range(3, 18) if (text := f"{value:.{digits}g}") != "1" or digits == 17)


def _off(diagnostics: Diagnostics, limits: Thresholds) -> str:
    return REFUSE if abs(diagnostics.mean_weight - 1.0) > limits.mean_weight_refuse else CAUTION


def _support(diagnostics: Diagnostics, limits: Thresholds) -> Iterator[Reason]:
    if diagnostics.unsupported > limits.unsupported_caution:
        light = diagnostics.mean_weight < 1.0 - 0.5 * diagnostics.unsupported
        missing = light or diagnostics.propensity_p < limits.propensity_p
        word = REFUSE if diagnostics.unsupported > limits.unsupported_refuse and missing else CAUTION
        yield word, f"the log never shows {diagnostics.unsupported:.0%} of what the target shows"


def _model(diagnostics: Diagnostics, limits: Thresholds) -> Iterator[Reason]:
    yield CAUTION, "it is as right as its reward model, whose error its interval leaves out"
    if abs(diagnostics.model_z) > limits.z:
        yield REFUSE, f"the logged rewards contradict the reward model ({off(diagnostics.model_z)})"
    if abs(diagnostics.weight_z) > limits.z:
        yield (
            _off(diagnostics, limits),
            f"{_mean_weight(diagnostics)}: the model is asked for what the log could not show, or the "
            "propensities that would tell are wrong",
        )


def _clusters(diagnostics: Diagnostics, limits: Thresholds) -> Iterator[Reason]:
    if diagnostics.clusters < limits.clusters_caution:
        word = REFUSE if diagnostics.clusters < limits.clusters_refuse else CAUTION
        yield (
            word,
            f"the log has {diagnostics.clusters:.0f} users, which is few for an interval over users",
        )
    elif diagnostics.effective_clusters < limits.effective_clusters_caution:
        worth = f"worth {diagnostics.effective_clusters:.0f} of equal weight"
        yield CAUTION, f"the weight lies on few of {diagnostics.clusters:,.0f} users: they are {worth}"


def _influence(influence: Influence, limits: Thresholds, *, clustered: bool) -> Iterator[Reason]:
    units = "users" if clustered else "rounds"
    even = clustered and influence.skewness <= limits.skewness_caution
    fewest = limits.cluster_error_caution if even else limits.error_caution
    if influence.error_rounds == 0:
        yield REFUSE, f"all {units} say the same, so the log does not show how large the error is"
    elif influence.error_rounds < fewest:
        refused = influence.error_rounds < limits.error_refuse
        fewest = limits.error_refuse if refused else fewest
        yield (
            REFUSE if refused else CAUTION,
            f"fewer than {fewest:.0f} {units} decide its standard error: too few for a normal interval",
        )
    if influence.shift > limits.shift_caution:
        word = REFUSE if influence.shift > limits.shift_refuse else CAUTION
        yield word, f"smoothing the weights may shift it by {influence.shift:.2g} standard errors"
