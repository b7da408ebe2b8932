"""An error reaches the caller whole, whatever kind of worker raised it."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv

import shopgym  # noqa: F401 (registers the environments)
from shopgym.core import InvalidInput
from shopgym.core.errors import is_number, whole_number
from shopgym.evaluation.errors import NoOverlap, NotEstimable
from shopgym.policies.serving.request_schema import Refusal


class Unpicklable:
    """Stands for what cannot go to another process, e.g. a function."""

    def __repr__(self) -> str:
        return "a rule"

    def __reduce__(self) -> Any:
        raise TypeError("cannot be pickled")


ERRORS = [
    InvalidInput("a", 1, "fix"),
    NotEstimable("log", [1.5], "take another"),
    NoOverlap("log", None, "log more"),
    Refusal(413, "body", "9 bytes", "send less"),
    InvalidInput("rule", Unpicklable(), "give a policy"),
]


def fail(number: int) -> None:
    raise ERRORS[number]


def check(error: Exception, number: int) -> None:
    want = ERRORS[number]
    assert type(error) is type(want)
    assert str(error) == str(want)
    assert isinstance(error, InvalidInput)
    value = "a rule" if isinstance(want.value, Unpicklable) else want.value
    assert (error.field, error.value, error.fix) == (want.field, value, want.fix)
    assert getattr(error, "status", None) == getattr(want, "status", None)


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_an_error_is_pickled_and_copied_whole(number: int) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        check(pickle.loads(pickle.dumps(ERRORS[number], protocol)), number)
    check(pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(ERRORS[number])))), number)
    check(copy.deepcopy(ERRORS[number]), number)
    noted = copy.copy(ERRORS[number])
    noted.add_note("in file a.csv")
    assert pickle.loads(pickle.dumps(noted)).__notes__ == ["in file a.csv"]


def test_an_error_comes_back_from_threads_and_processes() -> None:
    spawn = multiprocessing.get_context("spawn")
    with ThreadPoolExecutor(1) as threads, ProcessPoolExecutor(1, mp_context=spawn) as processes:
        for number in range(len(ERRORS)):
            with pytest.raises(InvalidInput) as error:
                processes.submit(fail, number).result()
            check(error.value, number)
            with pytest.raises(InvalidInput) as error:
                threads.submit(fail, number).result()
            assert error.value is ERRORS[number]
    with spawn.Pool(1) as pool, pytest.raises(InvalidInput) as error:
        pool.apply(fail, (0,))
    check(error.value, 0)


def test_an_error_comes_back_from_gymnasiums_worker_processes() -> None:
    options: dict[str, Any] = {"catalog": 60, "users": 100, "slate_size": 3, "num_candidates": 8}
    env = AsyncVectorEnv([lambda: gymnasium.make("shopgym/Session-v0", form="slate", **options)] * 2)
    try:
        env.reset(seed=0)
        with pytest.raises(InvalidInput, match=r"action = \[0, 1, 99\]: choose 0..7") as error:
            env.step(np.array([[0, 1, 2], [0, 1, 99]]))
        assert error.value.field == "action"
    finally:
        env.close(terminate=True)


def test_numbers_of_python_and_numpy_are_numbers() -> None:
    assert [whole_number("n", value) for value in (3, np.int32(3), np.uint64(3))] == [3, 3, 3]
    for value in (True, 3.0, "3", None, np.float64(3), np.array([3])):
        with pytest.raises(InvalidInput, match="give a whole number"):
            whole_number("n", value)
    assert all(map(is_number, (3, 3.0, np.float32(3), np.int8(3))))
    assert not any(map(is_number, ("3", None, 3j, np.zeros(2))))
