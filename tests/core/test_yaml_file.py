"""What a config may be as a text: no key twice, and of a size that can be read."""

from __future__ import annotations

import pytest

from shopgym.core.errors import InvalidInput
from shopgym.core.yaml_file import LONGEST, parse_yaml

NINE = ",".join(["*%s"] * 9)
LAUGHS = "a: &a [1]\n" + "".join(
    f"{new}: &{new} [{NINE % ((old,) * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = {
    "a key twice": ("a: 1\nb: {c: 1, c: 2}\n", "c = 'given twice': keep one: lines 2 and 2"),
    "an alias of itself": ("a: &a [*a]\n", "no alias of itself"),
    "aliases that repeat each other": (LAUGHS, f"at most {LONGEST:,} values"),
    "nested deeply": ("a: " + "[" * 60 + "]" * 60, "at most 50 levels"),
    "nested too deeply for the parser": ("a: " + "[" * 5000 + "]" * 5000, "at most 50 levels"),
    "a number of too many digits": ("a: " + "9" * 5000, "it is not YAML"),
    "a list as a key": ("? [1, 2]\n: 3\n", "it is not YAML"),
    "a tag that makes an object": ("a: !!python/object/apply:os.system [ls]\n", "it is not YAML"),
    "a bracket that is open": ("a: [1\n", "it is not YAML"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_texts_that_make_no_config_are_refused(name: str) -> None:
    text, fix = REFUSED[name]
    with pytest.raises(InvalidInput) as refused:
        parse_yaml(text, "config", "x.yaml")
    assert fix in str(refused.value)


def test_aliases_and_empty_texts_are_read() -> None:
    assert parse_yaml("a: &a {b: 1}\nc: *a\nd: {<<: *a, e: 2}\n", "config", "x") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": {"b": 1, "e": 2},
    }
    assert parse_yaml("", "config", "x") is None
    assert parse_yaml("3e2", "agents.lints.alpha", "3e2") == 300.0  # YAML 1.2
