"""The two-step reward model of OffCEM: first what sets the actions of a cluster apart, then the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput, in_range
from ....core.types import F64, I64, AnyArray, Bool
from ..checks import as_floats, check_finite, checked_actions, label_codes
from ..reward_model import FOLDS, PENALTIES, Moments, assign_folds

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def two_step_model(
    reward: AnyArray,
    action: AnyArray,
    cluster: AnyArray,
    features: AnyArray,
    *,
    rng: Generator,
    context: AnyArray | None = None,
    action_features: AnyArray | None = None,
    users: AnyArray | None = None,
    folds: int = FOLDS,
    penalty: float | None = None,
) -> F64:
    """Predictions q(x, a) = g(x, cluster of a) + h(x, a) for :func:`.conjunct.conjunct_inputs`, in the two
    steps of Saito, Ren and Joachims 2023 (Off-policy evaluation for large action spaces via conjunct effect
    modeling).

    First h, by regression of the difference of two rounds' rewards on that of their h, over pairs of rounds
    of the same context and cluster: g drops out, so h is right whatever form g has, and OffCEM needs no more
    than h to be unbiased. Then g, by regression of r - h. Here h(x, a) = (1, x) T e_a with e_a the action's
    features, and g is the ridge regression of :mod:`..reward_model`, one group a cluster. The m rounds of one
    context and cluster have m (m - 1) / 2 pairs; each counts 1 / m, so that a round counts once however many
    share its context. Least squares of differences is then least squares about the mean of each context and
    cluster (the within estimator), and no pair has to be made.

    Both steps are cross-fitted: a round's predictions come from models of the other folds.

    Args:
        reward, action: (n,) as in :meth:`..inputs.OpeInputs.from_actions`.
        cluster: (A,) the cluster of each action.
        features: (n, D) of the context, of size about 1; D may be 0.
        rng: decides the folds.
        context: (n,) labels, equal for rounds to be compared; None: those with equal features. Where features
            never repeat give what hardly moves the cluster's value when it is equal, such as a segment: what
            of g differs within a label goes into h.
        action_features: (A, E); None: one column an action, which shares nothing among actions.
        users: (n,) or None; the rounds of a user share a fold.
        folds: at least 3.
        penalty: of the ridge on T, > 0, in rounds; None takes for each fold the one of ``PENALTIES`` that
            predicts best the differences in the next fold when fitted to the others.

    Returns:
        (n, A).

    Raises:
        InvalidInput: anything that is not as above, with row numbers; no two rounds to compare.
    """
    cluster, clusters = label_codes("cluster", cluster)
    actions = len(cluster)
    features = as_floats("features", features)
    embedding = np.eye(actions) if action_features is None else as_floats("action_features", action_features)
    reward, action, _ = checked_actions(reward, action, np.ones(np.shape(reward)), actions)
    n = len(reward)
    for name, values, length in (("features", features, n), ("action_features", embedding, actions)):
        if values.ndim != 2 or len(values) != length:
            raise InvalidInput(name, values.shape, f"give shape ({length}, features)")
        check_finite(name, values)
    if folds < 3:
        raise InvalidInput("folds", folds, "give 3 or more")
    if penalty is not None:
        in_range("penalty", penalty, 0.0, 1e12, open_low=True)
    fold = assign_folds(n, rng, folds, users)
    x = np.hstack([np.ones((n, 1)), features])
    group = _groups(features if context is None else np.asarray(context), cluster[action], action)
    rows = _Differences(reward, _products(x, embedding, action), group)
    q = np.empty((n, actions))
    for f in range(folds):
        training = fold != f
        if penalty is None:
            validation = fold == (f + 1) % folds
            tried = [rows.loss(rows.fit(training & ~validation, each), validation) for each in PENALTIES]
            theta = rows.fit(training, PENALTIES[int(np.argmin(tried))])
        else:
            theta = rows.fit(training, penalty)
        moments = Moments(folds, clusters, features.shape[1])
        left = reward[training] - rows.design[training] @ theta
        moments.add(features[training], cluster[action[training]], left, fold[training])
        predicted = ~training
        by_cluster = moments.fit().predict(features[predicted], fold[predicted])
        q[predicted] = by_cluster[:, cluster] + x[predicted] @ theta.reshape(x.shape[1], -1) @ embedding.T
    return q


class _Differences:
    """Least squares of reward and design about their means in each group, over a part of the rounds."""

    def __init__(self, reward: F64, design: csr_array, group: I64) -> None:
        self.reward, self.design, self.group = reward, design, group

    def fit(self, part: Bool, penalty: float) -> F64:
        """(p,) the coefficients of the rounds in ``part``."""
        from scipy.sparse.linalg import LinearOperator, lsqr

        centre = _GroupCentering(self.group[part])
        design = self.design[part]
        operator = LinearOperator(
            design.shape,
            matvec=lambda theta: centre(design @ theta.ravel()),
            rmatvec=lambda rows: design.T @ centre(rows.ravel()),
            dtype=np.float64,
        )
        response = centre(self.reward[part])
        return np.asarray(lsqr(operator, response, damp=penalty**0.5, atol=1e-9, btol=1e-9, iter_lim=500)[0])

    def loss(self, theta: F64, part: Bool) -> float:
        """Squared error of the differences in ``part``."""
        left = _GroupCentering(self.group[part])(self.reward[part] - self.design[part] @ theta)
        return float(left @ left)


class _GroupCentering:
    """Rows less the mean of their group; a symmetric projection."""

    def __init__(self, group: I64) -> None:
        self.group = np.unique(group, return_inverse=True)[1]
        self.size = np.bincount(self.group)

    def __call__(self, rows: F64) -> F64:
        return np.asarray(rows - (np.bincount(self.group, rows, len(self.size)) / self.size)[self.group])


def _groups(context: AnyArray, cluster: I64, action: I64) -> I64:
    """(n,) equal for rounds of the same context and cluster.

    Raises:
        InvalidInput: no group has two actions.
    """
    n = len(action)
    if len(context) != n:
        raise InvalidInput("context", context.shape, f"give one label per round ({n})")
    if context.ndim == 2 and context.shape[1] == 0:
        label = np.zeros(n, np.int64)
    else:
        label = np.unique(context, axis=0, return_inverse=True)[1].ravel()
    group = label * (int(cluster.max()) + 1) + cluster
    groups = len(np.unique(group))
    if len(np.unique(np.stack([group, action]), axis=1).T) == groups:
        fix = "no two rounds have the same context and cluster but different actions: give labels that repeat"
        raise InvalidInput("context", f"{len(np.unique(label))} different ones in {n} rounds", fix)
    return np.asarray(group, dtype=np.int64)


def _products(x: F64, embedding: F64, action: I64) -> csr_array:
    """(n, P E) every product of a column of ``x`` (n, P) and a feature of the action, the feature varying
    fastest."""
    from scipy.sparse import csr_array, hstack

    shown = csr_array(embedding)[action]
    return csr_array(hstack([shown.multiply(column[:, None]) for column in x.T], format="csr"))
