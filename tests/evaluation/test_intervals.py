"""Intervals: closed forms, then how often they cover a known truth.

Coverage tests draw 300 logs of 1000 rounds. If an interval covers with probability 0.95, the number of logs
that it covers is Binomial(300, 0.95); the accepted band leaves out 0.0005 on either side, so a right interval
fails with probability below 0.001 (and, the seed being fixed, always or never). Conservative intervals have
the lower end only.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, t

from shopgym.core import InvalidInput
from shopgym.evaluation.errors import NotEstimable
from shopgym.evaluation.intervals import (
    Asymptotic,
    Betting,
    BiasCorrected,
    ClopperPearson,
    CressieRead,
    Delta,
    EmpiricalBernstein,
    Hoeffding,
    Interval,
    PercentileBootstrap,
    Student,
)
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, ESTIMATORS, INTERVALS, Estimator, OpeInputs, Terms
from shopgym.evaluation.offline.bandit import conjunct_inputs, logger_inputs, marginal_inputs

pytestmark = pytest.mark.slow

LOGS, ROUNDS = 300, 1000
BAND = binom.ppf([0.0005, 0.9995], LOGS, 0.95)
_world = np.random.default_rng(11)
RATE = _world.uniform(0.1, 0.7, size=(3, 4))
BEHAVIOUR = _world.dirichlet(np.full(4, 4.0), size=3)
TARGET = _world.dirichlet(np.full(4, 4.0), size=3)
MODEL = RATE + _world.normal(scale=0.1, size=RATE.shape)
TRUTH = float((TARGET * RATE).sum(axis=1).mean())


class Log:
    """One log of a bandit with 3 equally likely contexts and 4 actions."""

    def __init__(self, rng: np.random.Generator, rounds: int = ROUNDS) -> None:
        self.context = rng.integers(3, size=rounds)
        self.behaviour, self.target = BEHAVIOUR[self.context], TARGET[self.context]
        self.action = (rng.random((rounds, 1)) > self.behaviour.cumsum(axis=1)[:, :-1]).sum(axis=1)
        self.reward = (rng.random(rounds) < RATE[self.context, self.action]).astype(float)
        self.propensity = self.behaviour[np.arange(rounds), self.action]

    def inputs(self) -> OpeInputs:
        return OpeInputs.from_actions(
            self.reward, self.action, self.propensity, self.target, MODEL[self.context]
        )


def hits(estimator: Estimator, interval: str | Interval, seed: int, build: str = "inputs") -> int:
    rng, count = np.random.default_rng(seed), 0
    for _ in range(LOGS):
        got = estimator.estimate(getattr(Log(rng), build)(), interval=interval, rng=rng)
        count += got.low <= TRUTH <= got.high
    return count


# --- known answers -----------------------------------------------------------------------------------


@pytest.fixture
def mean() -> Terms:
    """A plain mean: 0, 1, 2, 5."""
    return Terms(np.array([[0.0], [1.0], [2.0], [5.0]]), None, np.array([-0.5, 0.5, 0.5, -0.5]))


@pytest.mark.filterwarnings("error")
def test_one_round_tells_nothing_of_its_error() -> None:
    assert Terms(np.array([[0.4]])).standard_error == np.inf


def test_student_by_hand(mean: Terms) -> None:
    half = t.ppf(0.975, 3) * np.std([0, 1, 2, 5], ddof=1) / 2
    assert Student()(mean, 0.95) == pytest.approx((2 - half, 2 + half))


def test_bounded_intervals_by_hand(mean: Terms) -> None:
    half = 10 * math.sqrt(math.log(40) / 8)
    assert Hoeffding(0, 10)(mean, 0.95) == pytest.approx((2 - half, 2 + half))
    log = math.log(80)
    half = math.sqrt(2 * np.var([0, 1, 2, 5], ddof=1) * log / 4) + 7 * 10 * log / 9
    assert EmpiricalBernstein(0, 10)(mean, 0.95) == pytest.approx((2 - half, 2 + half))
    assert Hoeffding()(mean, 0.95) == pytest.approx(Hoeffding(0, 5)(mean, 0.95))


def test_the_sequence_by_hand(mean: Terms) -> None:
    mixture = 4 * (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / 100
    deviation = np.std([0, 1, 2, 5], ddof=1)
    half = deviation * math.sqrt(2 * (mixture + 1) / (4 * mixture) * math.log(math.sqrt(mixture + 1) / 0.05))
    assert Asymptotic(planned=100)(mean, 0.95) == pytest.approx((2 - half, 2 + half))


def test_clopper_pearson_is_exact_for_plain_counts() -> None:
    # all weights 1: textbook interval of 3 successes in 10
    counts = Terms(np.array([[1.0]] * 3 + [[0.0]] * 7), None, np.zeros(10))
    assert ClopperPearson()(counts, 0.95) == pytest.approx((0.06673951, 0.65245285), abs=1e-8)
    assert ClopperPearson(-1, 1)(Terms(np.zeros((10, 1)) - 1, None, np.zeros(10)), 0.95)[0] == -1


def test_cressie_read_without_a_fake_round_is_the_regression_on_the_weights() -> None:
    rng = np.random.default_rng(0)
    w = rng.exponential(size=400)
    x = 0.7 * w + 0.1 * rng.normal(size=400)
    low, high = CressieRead()(Terms(x[:, None], None, w - 1), 0.95)
    slope = np.cov(w, x)[0, 1] / w.var(ddof=1)
    assert (low + high) / 2 == pytest.approx(x.mean() + slope * (1 - w.mean()))
    plain = Delta()(Terms(x[:, None]), 0.95)
    assert high - low < 0.3 * (plain[1] - plain[0])
    # without weights that vary it is the interval of a mean, with the quantile of F(1, n)
    flat = CressieRead()(Terms(x[:, None], None, np.zeros(400)), 0.95)
    assert flat[1] - flat[0] == pytest.approx(2 * t.ppf(0.975, 400) * x.std() / 20)


def test_betting_is_never_wider_than_the_range_and_narrows() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for n in (10, 1000, 100_000):
        reward = (rng.random((n, 1)) < 0.3).astype(float)
        low, high = Betting()(DEFAULT_ESTIMATORS["ips"].statistic(OpeInputs(reward, np.ones((n, 1)))), 0.95)
        assert 0 <= low <= high <= 1
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2]
    assert widths[2] < 0.02


def test_bca_of_a_symmetric_statistic_is_the_percentile_interval_and_shifts_a_skewed_one() -> None:
    rng = np.random.default_rng(2)
    skewed = Terms(rng.exponential(size=(200, 1)) ** 2)
    plain = PercentileBootstrap()(skewed, 0.95, np.random.default_rng(3))
    better = BiasCorrected()(skewed, 0.95, np.random.default_rng(3))
    assert better[0] > plain[0]
    assert better[1] > plain[1]
    half = rng.normal(size=(500, 1))
    even = Terms(np.concatenate([half, -half]))
    plain = PercentileBootstrap(resamples=4000)(even, 0.95, np.random.default_rng(4))
    better = BiasCorrected(resamples=4000)(even, 0.95, np.random.default_rng(4))
    # the bias correction's own error is 1.25 / sqrt(4000) = .02 standard deviations; 2 x 5 of them
    assert np.abs(np.subtract(plain, better)).max() < 0.2 * (plain[1] - plain[0]) / (2 * 1.96)


def test_bca_of_a_constant_is_that_constant() -> None:
    assert BiasCorrected(resamples=10)(Terms(np.ones((5, 1))), 0.9, np.random.default_rng(0)) == (1.0, 1.0)


@pytest.mark.parametrize("name", sorted(INTERVALS))
def test_every_interval_by_name_for_several_estimators(name: str) -> None:
    inputs = Log(np.random.default_rng(5)).inputs()
    one = {"betting": ("ips",), "clopper-pearson": ("snips",)}
    for estimator in one.get(name, ("ips", "snips", "dr", "sndr", "cressie-read")):
        rng = np.random.default_rng(6)
        narrow, wide = (
            ESTIMATORS[estimator].estimate(inputs, level=level, interval=name, rng=rng)
            for level in (0.5, 0.99)
        )
        assert narrow.interval == name
        assert wide.low < narrow.low < narrow.high < wide.high, estimator


def test_refusals(mean: Terms) -> None:
    unweighted = Terms(mean.numerator)
    for interval in (CressieRead(), Betting()):
        with pytest.raises(InvalidInput, match="importance weights"):
            interval(unweighted, 0.95)
    with pytest.raises(InvalidInput, match="a round is 5"):
        Hoeffding(0, 4)(mean, 0.95)
    with pytest.raises(InvalidInput, match="a round is 0"):
        EmpiricalBernstein(1, 9)(mean, 0.95)
    for other in (unweighted, mean, unweighted - unweighted):
        with pytest.raises(InvalidInput, match="normalised by its weights"):
            ClopperPearson(highest=9)(other, 0.95)
    with pytest.raises(InvalidInput, match=r"rewards in \[0, 1\]"):
        ClopperPearson()(Terms(mean.numerator, np.ones((4, 1))), 0.95)
    with pytest.raises(InvalidInput, match="weights times rewards"):
        CressieRead(rewards=(0.0, 1.0))(Terms(np.ones((4, 1)), None, np.array([-1.0, 0, 0, 1])), 0.95)
    with pytest.raises(InvalidInput, match="weights times rewards"):
        Betting()(mean, 0.95)
    with pytest.raises(InvalidInput, match="planned"):
        Asymptotic(planned=0)
    with pytest.raises(InvalidInput, match="resamples"):
        BiasCorrected(resamples=0)


# --- coverage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ips", "snips", "dr", "sndr", "cressie-read", "sg-dr"])
def test_coverage_of_the_default_interval(name: str) -> None:
    assert BAND[0] <= hits(ESTIMATORS[name], "delta", 1) <= BAND[1]


@pytest.mark.parametrize("interval", ["student", "cressie-read"])
@pytest.mark.parametrize("name", ["ips", "dr"])
def test_coverage_of_closed_forms(name: str, interval: str) -> None:
    assert BAND[0] <= hits(ESTIMATORS[name], interval, 2) <= BAND[1]


@pytest.mark.parametrize("name", ["ips", "snips"])
def test_coverage_of_bca(name: str) -> None:
    assert BAND[0] <= hits(ESTIMATORS[name], BiasCorrected(resamples=400), 3) <= BAND[1]


@pytest.mark.parametrize(
    "interval",
    [
        EmpiricalBernstein(),
        Hoeffding(),
        CressieRead(rewards=(0.0, 1.0)),
        Betting(),
        Asymptotic(),
    ],
    ids=lambda interval: interval.name,
)
def test_conservative_intervals_cover_at_least_as_often(interval: Interval) -> None:
    assert hits(DEFAULT_ESTIMATORS["ips"], interval, 4) >= BAND[0]


@pytest.mark.parametrize(("arms", "value"), [(3, 0.8), (10, 0.5), (2, 0.05)])
def test_clopper_pearson_covers_with_snips(arms: int, value: float) -> None:
    # always one of equally likely arms: of 500 logs 95% at least, less 3 standard errors
    rng, covered = np.random.default_rng(arms), 0
    for _ in range(500):
        weight = np.where(rng.random(1000) < 1.0 / arms, float(arms), 0.0)
        inputs = OpeInputs.of_rounds((rng.random(1000) < value).astype(float), weight)
        got = DEFAULT_ESTIMATORS["snips"].estimate(inputs, interval="clopper-pearson")
        covered += got.low <= value <= got.high
        with pytest.raises(NotEstimable, match="use snips"):
            DEFAULT_ESTIMATORS["ips"].estimate(inputs, interval="clopper-pearson")
    assert covered / 500 > 0.92


def test_special_settings_cover() -> None:
    rng = np.random.default_rng(5)
    rows = np.arange(ROUNDS)
    count = dict.fromkeys(("marginal", "offcem", "balanced", "weighted"), 0)
    other = BEHAVIOUR[:, ::-1]
    for _ in range(LOGS):
        log = Log(rng)
        q = MODEL[log.context]
        same = (log.reward, log.action, log.behaviour, log.target)
        marginal = marginal_inputs(*same, log.action[:, None], given_action=np.eye(4)[:, :, None])
        offcem = conjunct_inputs(*same, np.array([0, 1, 2, 2]), RATE[log.context])
        second = Log(rng)  # replaced by a log of another policy
        second.behaviour = other[second.context]
        second.action = (rng.random((ROUNDS, 1)) > second.behaviour.cumsum(axis=1)[:, :-1]).sum(axis=1)
        second.reward = (rng.random(ROUNDS) < RATE[second.context, second.action]).astype(float)
        both = {name: np.concatenate([getattr(log, name), getattr(second, name)]) for name in vars(log)}
        chances = [
            np.concatenate([policy[part.context][rows, part.action] for part in (log, second)])
            for policy in (BEHAVIOUR, other)
        ]
        pooled = [
            logger_inputs(
                both["reward"],
                both["action"],
                np.repeat([0, 1], ROUNDS),
                np.stack(chances, axis=1),
                both["target"],
                np.concatenate([q, MODEL[second.context]]),
                balanced=balanced,
            )
            for balanced in (True, False)
        ]
        for key, name, inputs in (
            ("marginal", "snips", marginal),
            ("offcem", "dr", offcem),
            ("balanced", "dr", pooled[0]),
            ("weighted", "dr-by-logger", pooled[1]),
        ):
            got = ESTIMATORS[name].estimate(inputs)
            count[key] += got.low <= TRUTH <= got.high
    for key, result in count.items():
        assert BAND[0] <= result <= BAND[1], key


def test_sequences_hold_at_every_look_and_the_usual_interval_does_not() -> None:
    # 150 paths looked at 20 times from round 200 to 5000; a sequence misses anywhere on the path with
    # probability at most 0.05, so more than 20 of 150 paths have probability below 1e-4
    rng = np.random.default_rng(6)
    looks = np.unique(np.geomspace(200, 5000, 20).astype(int))
    missed = {"delta": 0, "sequence": 0}
    makers = {"delta": Delta(), "sequence": Asymptotic(planned=1000)}
    for _ in range(150):
        inputs = Log(rng, 5000).inputs()
        rounds = inputs.weight * inputs.reward
        for name, make in makers.items():
            ends = [make(Terms(rounds[:n]), 0.95) for n in looks]
            missed[name] += any(not low <= TRUTH <= high for low, high in ends)
    assert missed["sequence"] <= 20
    assert missed["delta"] > 22  # three times as often as it says
