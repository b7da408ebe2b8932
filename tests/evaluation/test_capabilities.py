"""A policy says what it can do; an error that it did not announce is never taken for an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from builders.slate_logs import make_log, make_requests, policy, rng

from shopgym.core import InvalidInput, Requests
from shopgym.core.protocols import has_marginals
from shopgym.evaluation.errors import NoOverlap, NotEstimable
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.log import log_inputs
from shopgym.evaluation.offline.selection import ActionLog, pas_if
from shopgym.evaluation.offline.streaming import can_stream, streamable
from shopgym.evaluation.offline.uniform import UniformPolicy
from shopgym.policies.guards import CategoryCap
from shopgym.policies.policy import SlatePolicy


@dataclass(frozen=True)
class OtherPolicy:
    """A policy of somebody else's, without the property; ``error`` is what its marginals raise."""

    inner: SlatePolicy
    error: Exception | None = None

    def decide(self, requests: Requests, generator: np.random.Generator) -> Any:
        return self.inner.decide(requests, generator)

    def propensities(self, requests: Requests, positions: Any) -> Any:
        return self.inner.propensities(requests, positions)

    def marginals(self, requests: Requests) -> Any:
        if self.error:
            raise self.error
        return self.inner.marginals(requests)

    def state(self) -> Any:
        return self.inner.state()


@dataclass(frozen=True)
class WithoutMarginals(OtherPolicy):
    """The same, and it says that it has no marginals."""

    has_marginals: bool = False


def test_policies_say_whether_they_have_marginals() -> None:
    assert policy(1.0).has_marginals
    assert UniformPolicy(2).has_marginals
    assert not policy(1.0, CategoryCap(1)).has_marginals
    assert has_marginals(OtherPolicy(policy(1.0)))  # it defines the method
    assert not has_marginals(WithoutMarginals(policy(1.0)))
    assert not has_marginals(object())  # type: ignore[arg-type]


def test_a_policy_that_says_it_has_marginals_and_fails_is_not_evaluated_otherwise() -> None:
    log = make_log(policy(0.5), make_requests(50))
    broken = InvalidInput("requests.history", None, "the model needs histories")
    with pytest.raises(InvalidInput, match="the model needs histories"):
        log_inputs(log, OtherPolicy(policy(1.0), broken), rng=rng())
    with pytest.raises(ZeroDivisionError):
        log_inputs(log, OtherPolicy(policy(1.0), ZeroDivisionError()), rng=rng())


def test_a_policy_that_says_it_has_none_is_never_asked_for_them() -> None:
    log = make_log(policy(0.5), make_requests(50))
    target = WithoutMarginals(policy(1.0), AssertionError("asked"))
    inputs = log_inputs(log, target, rng=rng())
    ratio = policy(1.0).propensities(log.requests(), log.positions) / log.propensities
    np.testing.assert_allclose(inputs.weight, np.cumprod(ratio, axis=1))
    assert inputs.chained
    assert "target has no slot marginals" in inputs.note


def test_a_policy_of_somebody_elses_is_evaluated_by_its_marginals() -> None:
    log = make_log(policy(0.5), make_requests(50))
    theirs, ours = (log_inputs(log, p, rng=rng()) for p in (OtherPolicy(policy(1.0)), policy(1.0)))
    np.testing.assert_array_equal(theirs.weight, ours.weight)
    assert not theirs.chained


def test_only_what_a_log_cannot_answer_is_left_out_of_a_choice_among_estimators() -> None:
    """A candidate without a model has no answer; one that is broken stops the choice."""
    behaviour, target = np.full((200, 2), 0.5), np.tile([0.7, 0.3], (200, 1))
    action = rng().integers(2, size=200)
    log = ActionLog(action.astype(float), action, behaviour, target)
    choice = pas_if(log, [ESTIMATORS["ips"], ESTIMATORS["dr"]], rng=rng(), splits=2)
    assert choice.best == "ips"
    assert np.isnan(choice.errors["dr"])

    class Broken(type(ESTIMATORS["ips"])):  # type: ignore[misc]
        def statistic(self, inputs: OpeInputs) -> Any:
            raise InvalidInput("broken", 0, "repair it")

    with pytest.raises(InvalidInput, match="repair it"):
        pas_if(log, [ESTIMATORS["ips"], Broken("broken")], rng=rng(), splits=2)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("dr", {}),
        ("exp-smoothing", {}),
        ("log-smoothing", {"reward": -np.ones((4, 1))}),
        ("ips-by-logger", {}),
        ("cressie-read", {"reward": np.ones((4, 2)), "weight": np.ones((4, 2))}),
    ],
)
def test_what_a_log_cannot_answer_has_an_error_of_its_own(name: str, change: dict[str, Any]) -> None:
    inputs = replace(OpeInputs(np.ones((4, 1)), np.ones((4, 1))), **change)
    with pytest.raises(NotEstimable):
        ESTIMATORS[name].estimate(inputs)


def test_no_overlap_is_told_apart_and_wrong_options_are_not_taken_for_it() -> None:
    nothing = OpeInputs(np.ones((4, 1)), np.zeros((4, 1)))
    with pytest.raises(NoOverlap):
        DEFAULT_ESTIMATORS["ips"].estimate(nothing)
    for wrong in ({"level": 2.0}, {"interval": "magic"}, {"interval": "bootstrap"}):
        with pytest.raises(InvalidInput) as error:
            DEFAULT_ESTIMATORS["ips"].estimate(OpeInputs(np.ones((4, 1)), np.ones((4, 1))), **wrong)
        assert not isinstance(error.value, NotEstimable)


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_what_can_be_streamed_is_a_property_of_the_estimator(name: str) -> None:
    estimator = ESTIMATORS[name]
    if can_stream(estimator):
        assert streamable(estimator, 100).name == name
    else:
        with pytest.raises(NotEstimable, match="looks at all rounds at once"):
            streamable(estimator, 100)


def test_the_old_name_of_the_registry_warns_and_means_the_same() -> None:
    from shopgym.evaluation import offline
    from shopgym.evaluation.offline import estimators

    for module in (offline, estimators):
        with pytest.warns(DeprecationWarning, match="use ESTIMATORS"):
            assert module.ZOO is ESTIMATORS  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="no attribute 'MAGIC'"):
            module.MAGIC  # type: ignore[attr-defined]  # noqa: B018
