"""Large action spaces: weigh clusters of actions, and let a model tell the actions of a cluster apart."""

from __future__ import annotations

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import AnyArray
from ..checks import checked_policies, checked_predictions, chunks, label_codes
from ..inputs import OpeInputs
from .assumptions import contradiction


def conjunct_inputs(
    reward: AnyArray,
    action: AnyArray,
    behaviour: AnyArray,
    target: AnyArray,
    cluster: AnyArray,
    q: AnyArray,
    *,
    unit: str = "reward",
) -> OpeInputs:
    """Inputs on which ``dr`` is OffCEM (Saito, Ren and Joachims 2023, Off-policy evaluation for large action
    spaces via conjunct effect modeling).

    The weight is the target's over the behaviour policy's probability of the logged action's cluster, never
    larger than the largest weight of its actions. Unbiased if ``q`` is right about the difference of any two
    actions of a cluster in the same context, whatever it says of the cluster as a whole. ``q`` may come from
    any model (the one-step form); :func:`.pairwise.two_step_model` fits those differences first, as the paper
    does. Propensities do not show whether the differences are right. So the verdict is never better than
    caution, and it is refuse where the value by the actions' own weights contradicts it.

    Args:
        reward, action: as in :meth:`OpeInputs.from_actions`.
        behaviour: (n, A) the behaviour policy's probabilities; rows sum to 1.
        target: (n, A) the target policy's.
        cluster: (A,) integers, the cluster of each action, e.g. its category.
        q: (n, A) predicted reward of every action.
        unit: unit of the reward.

    Raises:
        InvalidInput: anything that is not as above, with row numbers.
    """
    reward, action, propensity, behaviour, target = checked_policies(reward, action, behaviour, target)
    q = checked_predictions(q, target)
    n, actions = target.shape
    cluster, clusters = label_codes("cluster", cluster)
    if len(cluster) != actions:
        raise InvalidInput("cluster", len(cluster), f"give one for each of {actions} actions")
    member = np.eye(clusters)[cluster]  # (A, clusters)
    seen = np.bincount(cluster[action], minlength=clusters) > 0
    weight, unsupported = np.empty(n), 0.0
    for part in chunks(n, actions):
        mine = np.arange(part.stop - part.start), cluster[action[part]]
        by_cluster = target[part] @ member
        unsupported += float(by_cluster[:, ~seen].sum())
        weight[part] = by_cluster[mine] / (behaviour[part] @ member)[mine]
    q_logged = q[np.arange(n), action]
    return OpeInputs.of_rounds(
        reward,
        weight,
        q_logged,
        np.einsum("na,na->n", target, q),
        unsupported=unsupported / n,
        unit=unit,
        propensity=propensity,
        assumptions="the model is right about how the actions of a cluster differ",
        assumptions_z=contradiction(reward - q_logged, weight, action, behaviour, target),
    )
