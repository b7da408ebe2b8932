"""Ranking metrics of a policy on a log: known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.slate_logs import make_log, make_requests, policy, rng

from shopgym.core import InvalidInput
from shopgym.evaluation.offline.ranking import logged_ranking


def test_the_logged_page_finds_what_was_clicked_on_it() -> None:
    greedy = policy(50.0)
    log = make_log(greedy, make_requests(200))
    clicks = np.zeros(log.slates.shape)
    clicks[::2, 0] = 1.0
    log = replace(log, events={"click": clicks})
    values = logged_ranking(log, greedy, rng=rng())
    assert np.isnan(values["ndcg"][1::2]).all()  # nothing was clicked
    again = greedy.slates(log.requests(), rng())
    same = (again == log.slates).all(axis=1)[::2]
    assert (values["ndcg"][::2][same] == 1.0).all()
    assert (values["recall"][::2][same] == 1.0).all()
    worst = logged_ranking(log, policy(-50.0), rng=rng())
    assert np.nanmean(worst["ndcg"]) < np.nanmean(values["ndcg"])


def test_an_event_that_the_log_lacks_is_named() -> None:
    log = make_log(policy(1.0), make_requests(20))
    with pytest.raises(InvalidInput, match="outcome"):
        logged_ranking(log, policy(1.0), rng=rng(), outcome="clicks")
    nobody = replace(log, events={"click": np.zeros(log.slates.shape)})
    with pytest.raises(InvalidInput, match="never"):
        logged_ranking(nobody, policy(1.0), rng=rng())
