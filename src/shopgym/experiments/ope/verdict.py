"""Trust, caution or refuse: what the diagnostics say of an estimate, in a word and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .diagnostics import Diagnostics

TRUST, CAUTION, REFUSE = "trust", "caution", "refuse"


@dataclass(frozen=True)
class Thresholds:
    """Where trust ends. Numbers without a source are conventions of this package.

    Attributes:
        ess_caution, ess_refuse: effective rounds below which a normal interval is doubtful (200) or worth
            nothing (30, the textbook least for a mean; Owen 2013, chapter 9, on effective sample size).
        pareto_caution, pareto_refuse: 0.7 is where the error of importance sampling grows out of
            proportion, 1 where its mean ceases to exist (Vehtari et al. 2024, section 3).
        tail_caution: share of the weight on 1% of the rounds.
        z: standard errors by which the mean weight or the reward model may miss; beyond 4 a right one
            is found once in 16,000 logs.
        mean_weight_refuse: how far the mean weight may be from 1, once it is beyond ``z``.
        propensity_p: p-value below which logged propensities are doubted, as rare as ``z``.
        unsupported_caution, unsupported_refuse: share of the target that the log says nothing about; it is
            missing from the value up to that share of the largest reward (Sachdeva, Su and Joachims 2020).
        removed_caution: share of the weight that smoothing may take away before its bias is a matter.
    """

    ess_caution: float = 200.0
    ess_refuse: float = 30.0
    pareto_caution: float = 0.7
    pareto_refuse: float = 1.0
    tail_caution: float = 0.5
    z: float = 4.0
    mean_weight_refuse: float = 0.2
    propensity_p: float = 6e-5
    unsupported_caution: float = 0.01
    unsupported_refuse: float = 0.1
    removed_caution: float = 0.1


THRESHOLDS = Thresholds()


def judge(
    found: Diagnostics,
    *,
    weighted: bool,
    removed: float = 0.0,
    limits: Thresholds = THRESHOLDS,
) -> tuple[str, str]:
    """The verdict and its reason, empty for ``trust``.

    Args:
        found: the diagnostics.
        weighted: whether the estimator uses the weights; else it is as right as its reward model only.
        removed: share of the weight that the estimator's smoothing takes away.
        limits: where trust ends.
    """
    reasons = list(_support(found, limits))
    reasons += _weights(found, limits) if weighted else _model(found, limits)
    if removed > limits.removed_caution:
        reasons.append((CAUTION, f"smoothing takes away {removed:.0%} of the weight: the bias may be large"))
    for word in (REFUSE, CAUTION):
        if words := [why for verdict, why in reasons if verdict == word]:
            return word, "; ".join(words)
    return TRUST, ""


def _weights(found: Diagnostics, limits: Thresholds) -> Iterator[tuple[str, str]]:
    if found.ess < limits.ess_caution:
        word = REFUSE if found.ess < limits.ess_refuse else CAUTION
        yield word, f"the log is worth {found.ess:.0f} rounds of the target's own"
    if found.pareto_k > limits.pareto_caution:
        word = REFUSE if found.pareto_k >= limits.pareto_refuse else CAUTION
        yield word, f"the weights have a heavy tail (Pareto-k {found.pareto_k:.2f})"
    if found.tail_mass > limits.tail_caution:
        yield CAUTION, f"1% of the rounds carry {found.tail_mass:.0%} of the weight"
    if abs(found.weight_z) > limits.z:
        word = REFUSE if abs(found.mean_weight - 1.0) > limits.mean_weight_refuse else CAUTION
        yield (
            word,
            f"the mean weight is {found.mean_weight:.3g}, not 1 (z = {found.weight_z:.1f}): the propensities "
            "are wrong, or the log could not show all that the target shows",
        )
    if found.propensity_p < limits.propensity_p:
        yield (
            CAUTION,
            f"actions are not logged as often as their propensities say (p = {found.propensity_p:.1g})",
        )


def _support(found: Diagnostics, limits: Thresholds) -> Iterator[tuple[str, str]]:
    if found.unsupported > limits.unsupported_caution:
        word = REFUSE if found.unsupported > limits.unsupported_refuse else CAUTION
        yield word, f"the log never shows {found.unsupported:.0%} of what the target shows"


def _model(found: Diagnostics, limits: Thresholds) -> Iterator[tuple[str, str]]:
    yield CAUTION, "it is as right as its reward model, whose error its interval leaves out"
    if abs(found.model_z) > limits.z:
        yield REFUSE, f"the logged rewards contradict the reward model (z = {found.model_z:.1f})"
