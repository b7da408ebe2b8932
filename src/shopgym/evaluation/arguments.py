"""What a caller of the Python functions writes, in the form that the readers take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InvalidInput, one_of
from .offline.estimators import DEFAULT_ESTIMATORS, ESTIMATORS

ALL = "all"
"""In place of estimators: every one that the log allows."""
KEYWORDS = {
    "--action-column": "action",
    "--reward-column": "reward",
    "--propensity-column": "propensity",
    "--context-column": "context",
    "--user-column": "user",
    "--weight-column": "weight",
    "--id-column": "id",
    "--unit-column": "unit",
    "--slate-column": "slate",
    "--slot-column": "slot",
    "--time-column": "time",
    "--by-time": "by_time",
    "--by-user": "by_user",
    "--no-by-user": "by_user=False",
    "--no-stream": "stream=False",
    "--estimator": "estimators",
    "--separator": "dialect.separator",
    "--decimal": "dialect.decimal",
    "--thousands": "dialect.thousands",
    "--encoding": "dialect.encoding",
    "LOG": "log",
}
"""The words of the shell that Python has others for; any other option has the same word in both."""
_OPTION = re.compile(r"--[a-z][a-z-]*(?: (?:drop|refuse|day|week|[A-Z]+\b|[0-9][0-9./]*))?")


@contextmanager
def python_words() -> Iterator[None]:
    """Errors raised inside speak of the keywords of Python, not of the options of the shell."""
    try:
        yield
    except InvalidInput as error:
        field, fix = _spoken(error.field), _spoken(error.fix)
        if (field, fix) == (error.field, error.fix):
            raise
        raise type(error)(field, error.value, fix) from error


def _spoken(text: str) -> str:
    whole = KEYWORDS.get(text)
    return whole if whole is not None else _OPTION.sub(_keyword, text)


def _keyword(option: re.Match[str]) -> str:
    word, _, value = option.group().partition(" ")
    keyword = KEYWORDS.get(word, word.removeprefix("--").replace("-", "_"))
    if not value:
        return keyword
    return f"{keyword}={value}" if value[0].isdigit() and "/" not in value else f"{keyword}={value!r}"


def named_policies(policy: Any) -> dict[str, Any]:
    """Policies by name: of one policy, several in a list, or a dictionary.

    Raises:
        InvalidInput: none, or two of one name.
    """
    if isinstance(policy, Mapping):
        named = {str(name): each for name, each in policy.items()}
    elif isinstance(policy, Sequence) and not isinstance(policy, str):
        named = {}
        for each in policy:
            name = policy_name(each)
            if name in named:
                raise InvalidInput(
                    "--policy",
                    name,
                    "two have this name: leave one out, or in Python name them, as in {name: policy}",
                )
            named[name] = each
    else:
        named = {policy_name(policy): policy}
    if not named:
        raise InvalidInput("--policy", policy, "give at least one")
    return named


def policy_name(policy: Any) -> str:
    """What a table calls a policy that was given without a name."""
    if isinstance(policy, (str, Path)):
        return str(policy)
    if isinstance(policy, np.ndarray):
        return "matrix"
    return str(getattr(policy, "name", None) or getattr(policy, "__name__", type(policy).__name__))


def words(field: str, value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One word or several as a tuple, each once.

    Raises:
        InvalidInput: they are no words.
    """
    if value is None:
        return ()
    several = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    for each in several:
        if not isinstance(each, str):
            raise InvalidInput(field, each, "give a name, or a list of names")
    if len(set(several)) < len(several):
        raise InvalidInput(field, list(several), "name each once")
    return several


def action_names(actions: str | Sequence[Any] | None) -> tuple[str, ...]:
    """The actions there are, of a text with commas between them or a list; empty for None or none.

    Raises:
        InvalidInput: a name is empty or stands there twice.
    """
    if actions is None:
        return ()
    texts = actions.split(",") if isinstance(actions, str) else map(str, actions)
    names = tuple(text.strip() for text in texts)
    if not all(names):
        raise InvalidInput("--actions", actions, "a name is empty: put one comma between two names")
    return words("--actions", names)


def estimator_names(estimators: Sequence[str] | str | None) -> list[str]:
    """The estimators asked for.

    Raises:
        InvalidInput: no estimator has this name.
    """
    if estimators is None:
        return list(DEFAULT_ESTIMATORS)
    if estimators == ALL:
        return list(ESTIMATORS)
    names = list(words("--estimator", estimators))
    if not names:
        raise InvalidInput("--estimator", estimators, "name at least one")
    for name in names:
        one_of("--estimator", name, ESTIMATORS)
    return names


Progress = Callable[[int, int], None] | None
