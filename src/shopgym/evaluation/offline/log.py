"""Inputs from a decision log and a target policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.protocols import Policy, has_marginals
from ...core.types import F32, F64, I32, I64, AnyArray, Bool
from ...policies.decision_log.log import DecisionLog
from ...policies.features import FeatureMap
from .checks import chunks, refuse
from .inputs import OpeInputs
from .missing_rewards import missing_reward_doubts
from .reward_model import FOLDS, CrossFitted, Moments, assign_folds
from .users import user_clusters
from .verdict import CAUTION, Reason

Features = Callable[[Requests], F32]
"""Requests -> (n, m, D), the features of each candidate; each depends on the request and that candidate."""

DRAWS = 8
"""Slates drawn per request where the target has no slot marginals and there is a reward model."""


def log_inputs(
    log: DecisionLog,
    policy: Policy,
    *,
    rng: Generator,
    features: Features | None = None,
    folds: int = FOLDS,
    penalty: float | None = None,
    by_user: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> OpeInputs:
    """Weights and predictions for what ``policy`` would have shown to the log's requests.

    Weights: with slot marginals in the log, target over behaviour probability of the slot's item at that
    slot, whatever stands before it (item-position model, Li et al. 2018). Where the log or the target has
    none, the product over the slots so far of the ratios of conditional propensities (reward interaction
    model, McInerney et al. 2020): valid when a slot's reward depends on the slots before it too, but wider.
    An empty slot is an outcome like any other: its weight is the ratio of the probabilities that it is
    empty, its reward and prediction are 0.

    Args:
        log: decisions without a reward are left out; the note counts them, and doubts say whether that
            biases the value (:mod:`.missing_rewards`).
        policy: the target. Its ``has_marginals`` says which weights are used.
        rng: decides the folds, and the slates drawn of a target without slot marginals.
        features: for the reward model, one linear model per slot (:mod:`.reward_model`); None: no model,
            so only ips and snips have an answer.
        folds, penalty: of the reward model; folds keep the rounds of a user together, and a penalty of
            None is chosen from the log.
        by_user: whether intervals take users as independent, not decisions (:func:`.users.user_clusters`).
        progress: called with (requests done, requests in all) after each chunk.

    Raises:
        InvalidInput: no decision has a reward, an empty slot has one, the policy does not fit the log, or it
            says that it has marginals and then refuses them.
    """
    one: dict[str, Any] = {"features": features, "folds": folds, "penalty": penalty}
    return outcome_inputs({"": log}, policy, rng=rng, **one, by_user=by_user, progress=progress)[""]


def outcome_inputs(
    logs: Mapping[str, DecisionLog],
    policy: Policy,
    *,
    rng: Generator,
    features: Features | None = None,
    folds: int = FOLDS,
    penalty: float | None = None,
    by_user: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, OpeInputs]:
    """:func:`log_inputs` of several outcomes of the same decisions: the policy is asked once for all.

    Args:
        logs: one log, its ``reward`` each time another outcome (:meth:`.DecisionLog.with_reward`), by name.
        policy, rng, features, folds, penalty, by_user, progress: as in :func:`log_inputs`.
    """
    log = next(iter(logs.values()))
    waiting, missing = int((~log.rewarded).sum()), missing_reward_doubts(log)
    later = _later_pages_doubts(log)
    logs = {name: one.rewarded_only() for name, one in logs.items()}
    log = next(iter(logs.values()))
    n, k = log.positions.shape
    if n == 0:
        raise InvalidInput("log", waiting, "no decision has a reward yet")
    cluster, doubts = user_clusters(log.user_id, by_user)
    filled = log.positions >= 0
    for one in logs.values():
        refuse("log.reward", one.reward, ~filled & (one.reward != 0), "an empty slot cannot earn a reward")
    requests = log.requests()
    exact = has_marginals(policy)
    marginals = log.marginals if exact else None
    fold = assign_folds(n, rng, folds, log.user_id) if features else np.zeros(n, dtype=np.int64)
    fits = {name: _fit(one, features, fold, folds, penalty) for name, one in logs.items()} if features else {}
    width = max((width for _, width in fits.values()), default=1)
    draws = DRAWS if fits else 1  # without a model only ``unsupported`` is made of them
    shown = _shown(log)
    weight = np.ones((n, k))
    predicted = {name: (np.zeros((n, k)), np.zeros((n, k))) for name in fits}
    mass = np.zeros(2)
    for rows in chunks(n, requests.num_candidates * max(k, width)):
        part, positions = requests.take(rows), log.positions[rows]
        target = exact_target(policy, part, k) if exact else drawn_target(policy, part, k, draws, rng)
        mass += _mass(target, part.candidates, shown)
        if marginals is None:
            ratio = policy.propensities(part, positions) / log.propensities[rows]
            weight[rows] = np.cumprod(ratio, axis=1)
        else:
            empty = np.maximum(1.0 - target.sum(axis=2), 0.0)
            weight[rows] = _at(target, positions, empty) / np.where(filled[rows], marginals[rows], 1.0)
        phi: Any = features(part) if features else None
        for name, (model, _) in fits.items():
            q = np.moveaxis(model.predict(phi, fold[rows]), 2, 1)
            q_logged, v_target = predicted[name]
            q_logged[rows] = _at(q, positions, 0.0)
            v_target[rows] = np.einsum("nkm,nkm->nk", target, q)
        if progress:
            progress(rows.stop, n)
    chained = np.cumprod(log.propensities, axis=1)
    propensity = chained if marginals is None else np.where(filled, marginals, 1.0)
    shared: dict[str, Any] = {
        "weight": weight,
        "unsupported": float(mass[1] / mass[0]) if mass[0] else 1.0,
        "note": _note(k, exact, marginals is not None, bool(fits), waiting),
        "propensity": np.asarray(propensity, dtype=np.float64),
        "chained": marginals is None and k > 1,
        "cluster": cluster,
        "doubts": (*doubts, *missing, *later),
    }
    inputs = {}
    for name, one in logs.items():
        models: dict[str, Any] = (
            dict(zip(("q_logged", "v_target"), predicted[name], strict=True)) if fits else {}
        )
        inputs[name] = OpeInputs(one.reward, unit=one.unit, **models, **shared)
    return inputs


def item_features(log: DecisionLog, items: Items, value: F64 | None = None) -> Features:
    """Features of every candidate and of its match with the user, from the catalogue of the log.

    Args:
        log: names the user and context columns.
        items: the catalogue.
        value: (N,) multiplies an item's features, e.g. its margin where the reward is margin earned: the
            model then predicts an order rate times that margin. None: 1.

    Raises:
        InvalidInput: the log was made with another catalogue.
    """
    log.require_items(items)
    feature_map = FeatureMap.default(log.user_names, log.context_names, items.feature_names)
    item_side = feature_map.item_side(items)
    if value is not None:
        item_side = item_side * value[:, None]
    return lambda requests: feature_map.phi(requests, item_side).astype(np.float32)


def _later_pages_doubts(log: DecisionLog) -> tuple[Reason, ...]:
    """A doubt about every number where decisions follow one another in episodes."""
    if log.step is None or not (log.step > 0).any():
        return ()
    doubt = (
        "pages follow one another in this log, and each is judged alone, as visitors of the logging policy"
    )
    doubt += " came to it: what a page does to later ones is left out (weigh whole episodes instead)"
    return ((CAUTION, doubt),)


def exact_target(policy: Policy, requests: Requests, k: int) -> F64:
    """(n, k, m) the probability of every candidate at every slot."""
    target = policy.marginals(requests)
    want = (len(requests), k, requests.num_candidates)
    if target.shape != want:
        raise InvalidInput("policy.marginals", target.shape, f"the log needs shape {want}: same slots")
    return target


def drawn_target(policy: Policy, requests: Requests, k: int, draws: int, rng: Generator) -> F64:
    """(n, k, m) frequencies of drawn slates: noisy, but right in expectation."""
    out = np.zeros((len(requests), k, requests.num_candidates))
    rows, slots = np.indices(out.shape[:2])
    for _ in range(draws):
        positions = policy.decide(requests, rng).positions
        if positions.shape[1] != k:
            raise InvalidInput("policy.slate_size", positions.shape[1], f"the log has {k} slots")
        filled = positions >= 0
        out[rows[filled], slots[filled], positions[filled]] += 1.0 / draws
    return out


def _at(values: F64, positions: I32, empty: AnyArray | float) -> F64:
    """(n, k) of ``values`` (n, k, m) at ``positions``, ``empty`` at empty slots."""
    chosen = np.take_along_axis(values, np.maximum(positions, 0)[:, :, None], axis=2)[:, :, 0]
    return np.where(positions >= 0, chosen, empty)


def _fit(
    log: DecisionLog, features: Features, fold: I64, folds: int, penalty: float | None
) -> tuple[CrossFitted, int]:
    """The reward model of each slot, and the number of features."""
    n, k = log.slates.shape
    # only the slots' own items are needed: the features of a candidate do not depend on others
    shown = log.requests().at(log.positions)
    width = features(shown.take(slice(0, 1))).shape[2]
    moments = Moments(folds, k, width)
    for rows in chunks(n, k * max(1, width)):
        row, slot = np.nonzero(log.slates[rows] >= 0)
        phi = features(shown.take(rows))
        moments.add(phi[row, slot], slot, log.reward[rows][row, slot], fold[rows][row])
    return moments.fit(penalty), width


def _shown(log: DecisionLog) -> Bool:
    """(k, items) whether an item is ever shown at a slot."""
    k = log.slate_size
    out = np.zeros((k, int(log.candidates.max(initial=0)) + 1), dtype=bool)
    rows, slots = np.nonzero(log.slates >= 0)
    out[slots, log.slates[rows, slots]] = True
    return out


def _mass(target: F64, candidates: I32, shown: Bool) -> F64:
    """(2,) the target's probability in all, and on items never shown at that slot."""
    slots = range(target.shape[1])
    unseen = sum(float(target[:, slot][~shown[slot, candidates]].sum()) for slot in slots)
    return np.array([target.sum(), unseen])


def _note(k: int, exact: bool, by_slot: bool, model: bool, waiting: int) -> str:
    notes = []
    if k > 1 and not by_slot:
        owner = "log" if exact else "target"
        notes.append(f"the {owner} has no slot marginals: weights are products over the slots so far (RIPS)")
    if model and not exact:
        notes.append(f"the target's predicted reward is the mean over {DRAWS} drawn slates a request")
    if waiting:
        notes.append(f"{waiting} decisions without a reward left out")
    return "; ".join(notes)
