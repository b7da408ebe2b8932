"""Large action spaces: weigh what actions have in common, their embedding, not the actions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ....core.errors import InvalidInput, in_range
from ....core.types import F64, I64, AnyArray
from ...intervals.statistic import Terms
from ..checks import ROW_SUM_TOLERANCE, as_floats, check_target, checked_policies, chunks, refuse
from ..inputs import OpeInputs
from ..tuning import slope
from .assumptions import contradiction


def marginal_inputs(
    reward: AnyArray,
    action: AnyArray,
    behaviour: AnyArray,
    target: AnyArray,
    embedding: AnyArray,
    *,
    given_action: AnyArray | None = None,
    given_embedding: AnyArray | None = None,
    dims: Sequence[int] | None = None,
    prior: float = 1.0,
    unit: str = "reward",
) -> OpeInputs:
    """Inputs on which ``ips`` is MIPS (Saito and Joachims 2022, Off-policy evaluation for large action
    spaces via embeddings) and ``snips`` its self-normalised form.

    The weight of an embedding e in context x is p(e | x, target) / p(e | x, behaviour). Unbiased if the
    reward depends on the action through e and x only and the behaviour policy can show every e. Propensities
    do not show the former. So the verdict is never better than caution, and it is refuse where the value by
    the actions' own weights contradicts it.

    Args:
        reward, action: as in :meth:`OpeInputs.from_actions`.
        behaviour: (n, A) the behaviour policy's probabilities; rows sum to 1.
        target: (n, A) the target policy's.
        embedding: (n, D) integers >= 0, categories of the logged action.
        given_action: (A, C, D) probability of each category in each dimension, given the action, which makes
            dimensions independent. None counts it in the log, with ``prior`` added to each count.
        given_embedding: (n, A) probability of each action given context and logged embedding, as of a
            classifier fitted on the log; weights are then its mean of the actions' weights, which needs
            ``behaviour`` > 0 wherever it and ``target`` are.
        dims: which dimensions to use; None: all.
        prior: >= 0.
        unit: unit of the reward.

    Raises:
        InvalidInput: anything that is not as above, with row numbers.
    """
    reward, action, _, behaviour, target = checked_policies(reward, action, behaviour, target)
    n, actions = target.shape
    if given_embedding is not None:
        weight = _mean_weight(behaviour, target, as_floats("given_embedding", given_embedding))
    else:
        embedding = _checked(embedding, n)
        table = _table(action, embedding, actions, prior) if given_action is None else given_action
        weight = _weight(behaviour, target, embedding, as_floats("given_action", table), dims)
    return OpeInputs.of_rounds(
        reward,
        weight,
        unit=unit,
        assumptions="nothing of the action but its embedding moves the reward",
        assumptions_z=contradiction(reward, weight, action, behaviour, target),
    )


def select_embedding(
    reward: AnyArray,
    action: AnyArray,
    behaviour: AnyArray,
    target: AnyArray,
    embedding: AnyArray,
    *,
    given_action: AnyArray | None = None,
    error: float = 0.025,
    unit: str = "reward",
) -> tuple[OpeInputs, tuple[int, ...]]:
    """:func:`marginal_inputs` with the dimensions that :func:`..tuning.slope` picks, and which these are.

    All subsets are tried, larger ones first (Saito and Joachims 2022, on embedding selection). Fewer
    dimensions are less variance and, where the rest matters to the reward, more bias.

    Args:
        error: one-sided error of each subset's interval.
    """
    dimensions = range(np.shape(embedding)[1])
    options = [subset for size in reversed(dimensions) for subset in combinations(dimensions, size + 1)]
    columns = (reward, action, behaviour, target, embedding)
    made = [marginal_inputs(*columns, given_action=given_action, dims=dims, unit=unit) for dims in options]
    fewer = [len(dimensions) - len(dims) for dims in options]
    best = slope([Terms(inputs.weight * inputs.reward) for inputs in made], error, fewer)
    return made[best], options[best]


def _checked(embedding: AnyArray, n: int) -> I64:
    embedding = np.asarray(embedding)
    if embedding.ndim != 2 or len(embedding) != n or embedding.dtype.kind not in "iu":
        raise InvalidInput("embedding", embedding.shape, "give whole numbers (rounds, dimensions)")
    refuse("embedding", embedding, embedding < 0, "give categories from 0")
    return embedding.astype(np.int64)


def _table(action: I64, embedding: I64, actions: int, prior: float) -> F64:
    """(A, C, D) how often an action had a category, with ``prior`` added to each count."""
    in_range("prior", prior, 0.0, np.inf, open_high=True)
    categories = int(embedding.max()) + 1
    counts = np.full((actions, categories, embedding.shape[1]), prior)
    for dim, category in enumerate(embedding.T):
        counts[:, :, dim] += np.bincount(
            action * categories + category, minlength=actions * categories
        ).reshape(actions, categories)
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros_like(counts), where=total > 0))


def _weight(behaviour: F64, target: F64, embedding: I64, table: F64, dims: Sequence[int] | None) -> F64:
    n, actions = target.shape
    if table.ndim != 3 or len(table) != actions or table.shape[2] != embedding.shape[1]:
        raise InvalidInput("given_action", table.shape, "give shape (actions, categories, dimensions)")
    refuse("given_action", table, ~(table >= 0), "give probabilities >= 0")
    off = ~(np.abs(table.sum(axis=1) - 1.0) <= ROW_SUM_TOLERANCE)
    refuse("given_action", table, off, "the categories of a dimension have to sum to 1")
    refuse("embedding", embedding, embedding >= table.shape[1], "given_action does not know the category")
    by_category = np.ascontiguousarray(table.transpose(2, 1, 0))  # (D, C, A)
    chosen = range(embedding.shape[1]) if dims is None else dims
    if not set(chosen) <= set(range(embedding.shape[1])):
        raise InvalidInput("dims", list(chosen), f"the embedding has 0 to {embedding.shape[1] - 1}")
    above, below = np.empty(n), np.empty(n)
    for rows in chunks(n, 2 * actions):
        likelihood = np.ones((1, 1))
        for dim in chosen:
            likelihood = likelihood * by_category[dim][embedding[rows, dim]]
        likelihood = np.broadcast_to(likelihood, target[rows].shape)
        above[rows] = np.einsum("na,na->n", target[rows], likelihood)
        below[rows] = np.einsum("na,na->n", behaviour[rows], likelihood)
    refuse("embedding", embedding, ~(below > 0), "the behaviour policy cannot have shown it")
    return np.asarray(above / below)


def _mean_weight(behaviour: F64, target: F64, posterior: F64) -> F64:
    n, actions = target.shape
    if posterior.shape != target.shape:
        raise InvalidInput("given_embedding", posterior.shape, f"give shape {target.shape}")
    check_target(posterior, n, "given_embedding")
    weight = np.empty(n)
    for rows in chunks(n, 2 * actions):
        expected = posterior[rows] * target[rows]
        impossible = (behaviour[rows] == 0) & (expected > 0)
        refuse("given_embedding", posterior[rows], impossible, "it expects actions that cannot be logged")
        np.divide(expected, behaviour[rows], out=expected, where=behaviour[rows] > 0)
        weight[rows] = expected.sum(axis=1)
    return weight
