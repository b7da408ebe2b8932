"""Episodes of whole pages: what a visit or a customer would have brought under another policy.

An episode is a round. Its columns are the k slots of each page t, and behind each page but the last one
column for what followed it. With w the weight of a slot (that of a single page, :mod:`..log`), rho_t the
product over the pages up to t of the ratios of whole slates, and gamma a discount of each page:

    slot j of page t          weight rho_(t-1) w_tj, reward gamma^t r_tj, prediction gamma^t q_tj
    what followed page t      weight rho_t, reward 0, prediction gamma^t (F_t - gamma V_(t+1))

q is the reward model of single pages, F(s, A) predicts the value of what follows, and V is the mean of
sum_j q_j + F under the target; V of the first page is the prediction for the target. So ``ips`` is
per-decision importance sampling (Precup, Sutton and Singh 2000) that weighs the last page slot by slot,
``snips`` its weighted form, ``dr`` the doubly robust estimator of Jiang and Li 2016, ``sndr`` the weighted
one of Thomas and Brunskill 2016, and ``dm`` fitted Q evaluation. Where every episode is one page, all of them
are those of single pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput, in_range
from ....core.protocols import Policy, has_marginals
from ....core.types import F64, I64, Bool
from ....policies.decision_log.log import DecisionLog
from ..checks import chunks
from ..inputs import OpeInputs
from ..log import DRAWS, Features, drawn_target, exact_target, outcome_inputs
from ..reward_model import FOLDS, assign_folds
from ..users import user_clusters
from ..verdict import CAUTION, Reason
from .following import Following, fit_following


def slate_sequence_inputs(
    logs: Mapping[str, DecisionLog],
    policy: Policy,
    *,
    rng: Generator,
    features: Features | None = None,
    gamma: float = 1.0,
    folds: int = FOLDS,
    by_user: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, OpeInputs]:
    """Inputs whose rounds are the whole episodes of a log, for several outcomes of the same decisions.

    What is estimated is the discounted sum of an episode, from its first page to its end. Takes memory for
    episodes x (k + 1) x pages of the longest, four times for each outcome.

    Args:
        logs: one log with the columns ``episode``, ``step`` and ``ended``; its ``reward`` each time another
            outcome, by name. Episodes that did not end, or of which a decision is missing or has no reward,
            are left out; a doubt counts them.
        policy: the target. The pages before a slot are weighed by its whole slates.
        rng: decides the folds.
        features: of the models; None: only ips and snips have an answer.
        gamma: discount in [0, 1] a page.
        folds: of the models; a user's episodes are together.
        by_user: whether intervals take users as independent, not episodes (:func:`..users.user_clusters`).
        progress: called with (decisions done, decisions in all) after each chunk.

    Raises:
        InvalidInput: the log does not name its episodes, none of them is whole, or as in
            :func:`..log.outcome_inputs`.
    """
    in_range("gamma", gamma, 0.0, 1.0)
    log = next(iter(logs.values()))
    rows, doubts = whole_episodes(log)
    assert log.step is not None  # whole_episodes has asked for it
    order = PageOrder(log.step[rows].astype(np.int64))
    logs = {name: _single_pages(one.take(rows)) for name, one in logs.items()}
    pages = outcome_inputs(
        logs, policy, rng=rng, features=features, folds=folds, by_user=by_user, progress=progress
    )
    if order.longest == 1:
        return {name: replace(one, doubts=(*one.doubts, *doubts)) for name, one in pages.items()}
    full = next(iter(logs.values()))
    ratio = slate_ratios(full, policy)
    following: dict[str, Following] = {}
    if features is not None:
        shown, expected = page_features(full, policy, features, rng)
        fold = assign_folds(len(full), rng, folds, full.user_id)
        rewards = {name: log.reward.sum(axis=1) for name, log in logs.items()}
        following = fit_following(rewards, shown, expected, order, fold, gamma)
    cluster, by_visits = user_clusters(full.user_id[order.starts], by_user)
    doubts += by_visits
    return {
        name: replace(
            _episode_columns(one, order, ratio, following.get(name), gamma), cluster=cluster, doubts=doubts
        )
        for name, one in pages.items()
    }


class PageOrder:
    """How the n pages of N whole episodes follow one another; each episode's stand together, in order.

    Args:
        step: (n,) of each page, from 0.

    Attributes:
        starts: (N,) the first page of each.
        episode, step: (n,) of each page.
        length: (N,) pages of each episode; ``longest`` of them all.
        following: (n,) the next page; -1 behind the last of an episode.
    """

    def __init__(self, step: I64) -> None:
        self.step = step
        self.starts = np.flatnonzero(step == 0)
        self.length = np.diff(np.append(self.starts, len(step)))
        self.longest = int(self.length.max())
        self.episode = np.repeat(np.arange(len(self.starts)), self.length)
        self.following: I64 = np.arange(1, len(step) + 1)
        self.following[self.starts + self.length - 1] = -1

    def next_value(self, values: F64) -> F64:
        """(n,) of ``values`` (n,): that of the next page, 0 where none follows."""
        return np.where(self.following >= 0, values[self.following], 0.0)

    def dense(self, values: F64, fill: float = 0.0) -> F64:
        """(N, H) or (N, H, k) of ``values`` (n,) or (n, k), ``fill`` after the end of an episode."""
        out = np.full((len(self.starts), self.longest, *values.shape[1:]), fill)
        out[self.episode, self.step] = values
        return out


def whole_episodes(log: DecisionLog) -> tuple[I64, tuple[Reason, ...]]:
    """(the rows of all whole episodes, episode by episode and in order; a doubt about those left out).

    Raises:
        InvalidInput: the log does not name its episodes, or none is whole.
    """
    if log.episode is None or log.step is None or log.ended is None:
        fix = "the log does not say which decisions follow one another: give episode, step and ended"
        raise InvalidInput("log.episode", None, fix)
    order = np.lexsort((log.step, log.episode))
    _, first, number = np.unique(log.episode[order], return_index=True, return_inverse=True)
    place = np.arange(len(order)) - first[number]
    fine = (log.step[order] == place) & log.rewarded[order]
    last = np.append(first[1:], len(order)) - 1 if len(order) else first
    whole: Bool = np.logical_and.reduceat(fine, first) & log.ended[order[last]] if len(order) else fine
    if not whole.any():
        raise InvalidInput(
            "log.ended", len(whole), "no episode has ended with all its rewards: log whole ones"
        )
    doubts: tuple[Reason, ...] = ()
    if not whole.all():
        left = f"{int((~whole).sum()):,} of {len(whole):,} episodes are not whole and were left out"
        doubts = ((CAUTION, f"{left}: the value is that of the others"),)
    return order[whole[number]], doubts


def _single_pages(log: DecisionLog) -> DecisionLog:
    """The log as one of single pages, about which there is then no doubt that they are judged alone."""
    return replace(log, episode=None, step=None, ended=None)


def slate_ratios(log: DecisionLog, policy: Policy) -> F64:
    """(n,) how much likelier ``policy`` was to show each whole slate."""
    out = np.empty(len(log))
    requests = log.requests()
    for rows in chunks(len(log), log.num_candidates * log.slate_size):
        chance = policy.propensities(requests.take(rows), log.positions[rows])
        out[rows] = (chance / log.propensities[rows]).prod(axis=1)
    return out


def page_features(log: DecisionLog, policy: Policy, features: Features, rng: Generator) -> tuple[F64, F64]:
    """((n, p) features of each page as logged, (n, p) their mean under the policy).

    The features of a page are a constant, those of user and context, and the sum of those of its items.
    """
    requests, k = log.requests(), log.slate_size
    exact = has_marginals(policy)
    ones = np.ones((len(log), 1))
    state = np.concatenate([ones, log.user, log.context], axis=1).astype(np.float64)
    width = features(requests.take(slice(0, 1))).shape[2]
    shown, expected = np.zeros((2, len(log), width))
    for rows in chunks(len(log), log.num_candidates * max(k, width)):
        part, positions = requests.take(rows), log.positions[rows]
        target = exact_target(policy, part, k) if exact else drawn_target(policy, part, k, DRAWS, rng)
        phi = features(part).astype(np.float64)
        chosen = np.take_along_axis(phi, np.maximum(positions, 0)[:, :, None], axis=1)
        shown[rows] = (chosen * (positions >= 0)[:, :, None]).sum(axis=1)
        expected[rows] = np.einsum("nkm,nmd->nd", target, phi)
    return np.concatenate([state, shown], axis=1), np.concatenate([state, expected], axis=1)


def _episode_columns(
    pages: OpeInputs, order: PageOrder, ratio: F64, following: Following | None, gamma: float
) -> OpeInputs:
    """Inputs by episode from those by page; the columns are those at the top of this file."""
    n_episodes, horizon = len(order.starts), order.longest
    discount: F64 = np.power(float(gamma), order.step)
    through = np.asarray(
        np.cumprod(order.dense(ratio, 1.0), axis=1), dtype=np.float64
    )  # rho_t; it stays where an episode has ended
    before = np.concatenate([np.ones((n_episodes, 1)), through[:, :-1]], axis=1)
    slot_weight = before[:, :, None] * order.dense(pages.weight, 1.0)
    reward = order.dense(discount[:, None] * pages.reward)
    none = np.zeros((n_episodes, horizon - 1))
    q = v = None
    if following is not None and pages.q_logged is not None and pages.v_target is not None:
        value = pages.v_target.sum(axis=1) + following.expected
        left_over = following.shown - gamma * order.next_value(value)
        q_slots = order.dense(discount[:, None] * pages.q_logged)
        q_follows = order.dense(discount * left_over)[:, :-1]
        v_slots, v_follows = np.zeros(q_slots.shape), np.zeros(none.shape)
        v_slots[:, 0] = pages.v_target[order.starts]
        v_follows[:, 0] = following.expected[order.starts]
        q, v = _side_by_side(q_slots, q_follows), _side_by_side(v_slots, v_follows)
    note = f"episodes of up to {horizon} pages, {len(order.step) / n_episodes:.3g} on average, are the rounds"
    return OpeInputs(
        reward=_side_by_side(reward, none),
        weight=_side_by_side(slot_weight, through[:, :-1]),
        q_logged=q,
        v_target=v,
        unsupported=pages.unsupported,
        unit=pages.unit,
        note="; ".join(filter(None, (note, pages.note))),
        chained=True,
    )


def _side_by_side(slots: F64, follows: F64) -> F64:
    """(N, H k + H - 1) from slots (N, H, k) and what followed (N, H - 1)."""
    return np.concatenate([slots.reshape(len(slots), -1), follows], axis=1)


def page_count_log(log: DecisionLog) -> DecisionLog:
    """The decisions of ``log``, each judged by 1: so an episode is judged by its number of pages."""
    filled = log.slates >= 0
    count = np.zeros(log.slates.shape)
    shown = np.flatnonzero(filled.any(axis=1))
    count[shown, filled[shown].argmax(axis=1)] = 1.0
    return log.with_reward(count, "page")
