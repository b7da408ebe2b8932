"""From a log and a target policy to the inputs of every estimator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from ....core.types import F64, I64, AnyArray, Bool
from ....evaluation.offline import OpeInputs
from ....evaluation.offline.checks import chunks
from ....evaluation.offline.reward_model import FOLDS, CrossFitted, Moments, assign_folds
from ....evaluation.offline.selection import ActionLog
from ....evaluation.offline.slate.weights import slate_weights, uniform_slate_weights
from ....evaluation.offline.support import calibration_p
from .benchmark import Benchmark, SyntheticLog, SyntheticPolicy


def benchmark_inputs(
    benchmark: Benchmark, log: SyntheticLog, target: SyntheticPolicy, rng: Generator
) -> OpeInputs:
    """Inputs with a cross-fitted reward model, one per slot, of an item's value and its fit to the visitor.

    Args:
        world: where the log is from; its scenario says what a slot's weight depends on.
        log: n visits.
        target: the policy to be evaluated.
        rng: decides the folds.
    """
    (n, k), count = log.items.shape, benchmark.scenario.actions
    independent = benchmark.scenario.weights == "independent"
    behaviour = log.marginal if independent else log.propensity
    model, fold = fitted(benchmark, log, rng)
    shown = np.zeros((k, count), np.bool_)
    shown[np.arange(k), log.items] = True
    ratio, q_logged, v_target = np.empty((n, k)), np.empty((n, k)), np.empty((n, k))
    # pi has an exact weight for uniform slates; other policies' slates have none in closed form
    uniform = independent and benchmark.behaviour == SyntheticPolicy(0.0)
    slate_weight, unseen = np.empty(n), 0.0
    for rows in chunks(n, 2 * count * k):
        score, items = log.score[rows], log.items[rows]
        q = model.predict(features(score, np.broadcast_to(benchmark.value, score.shape)), fold[rows])
        q = np.moveaxis(q, 2, 1)
        allowed = target.allowed(score, benchmark.sales)
        if independent:
            probability = target.marginals(score, allowed, k)
        else:
            probability = conditionals(target, score, allowed, items)
        if uniform:
            slate_weight[rows] = uniform_slate_weights(items, probability)
        ratio[rows] = _at(probability, items) / behaviour[rows]
        q_logged[rows] = _at(q, items)
        v_target[rows] = np.einsum("nka,nka->nk", probability, q)
        unseen += float(probability.sum(axis=0)[~shown].sum())
    return OpeInputs(
        log.reward,
        slate_weights(ratio, benchmark.scenario.weights),
        q_logged,
        v_target,
        unseen / (n * k),
        benchmark.scenario.reward,
        propensity=slate_weights(behaviour, benchmark.scenario.weights),
        propensity_p=calibration_p(log.items[:, 0], log.propensity[:, 0], count),
        slate_weight=slate_weight if uniform else None,
        chained=not independent and k > 1,
        conditional_predictions=not independent and k > 1,
    )


def fitted(benchmark: Benchmark, log: SyntheticLog, rng: Generator) -> tuple[CrossFitted, I64]:
    """The reward model of each slot, and the fold of each visit."""
    n, k = log.items.shape
    fold = assign_folds(n, rng, FOLDS)
    moments = Moments(FOLDS, k, 3)
    fit = np.take_along_axis(log.score, log.items, axis=1)
    for slot in range(k):
        x = features(fit[:, slot], benchmark.value[log.items[:, slot]])
        moments.add(x, np.full(n, slot), log.reward[:, slot], fold)
    return moments.fit(), fold


def action_logs(
    benchmark: Benchmark, log: SyntheticLog, targets: Sequence[SyntheticPolicy], rng: Generator
) -> list[ActionLog]:
    """The log of a page with one slot, for each target."""
    model, fold = fitted(benchmark, log, rng)
    q = model.predict(features(log.score, np.broadcast_to(benchmark.value, log.score.shape)), fold)[:, :, 0]
    behaviour, *others = (
        policy.first(log.score, policy.allowed(log.score, benchmark.sales))
        for policy in (benchmark.behaviour, *targets)
    )
    return [ActionLog(log.reward[:, 0], log.items[:, 0], behaviour, other, q) for other in others]


def features(score: F64, value: AnyArray) -> F64:
    """(..., 3) what the reward model sees of an item of ``value`` that fits with ``score``."""
    return np.asarray(value[..., None] * np.stack([np.ones_like(score), score, score**2], axis=-1))


def conditionals(policy: SyntheticPolicy, score: F64, allowed: Bool, items: AnyArray) -> F64:
    """(n, k, A) probability of each item at each slot given the items that the log shows before it."""
    left, rows = allowed.copy(), np.arange(len(items))
    out = np.empty((*items.shape, score.shape[1]))
    for slot in range(items.shape[1]):
        out[:, slot] = policy.first(score, left)
        left[rows, items[:, slot]] = False
    return out


def _at(values: F64, items: AnyArray) -> F64:
    return np.asarray(np.take_along_axis(values, items[:, :, None], axis=2)[:, :, 0])
