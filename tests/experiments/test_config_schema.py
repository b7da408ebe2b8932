"""The printed JSON Schema and the configs that are shipped; misspelt names and wrong types of experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders.paths import DATA
from typer.testing import CliRunner

import shopgym.experiments as experiments
from shopgym.cli.config import KINDS
from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.experiments.config import parse_config
from shopgym.experiments.config_file import read_config
from shopgym.experiments.sweeps.plan import checked_config as check

SHIPPED = sorted((Path(experiments.__path__[0]) / "configs").glob("*.yaml"))


def printed(kind: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["config", "schema", kind])
    assert done.exit_code == 0, done.output
    schema: dict[str, Any] = json.loads(done.output)
    return schema


def faults(schema: dict[str, Any], value: Any, whole: dict[str, Any], path: str = "") -> list[str]:
    """Where ``value`` is not what ``schema`` allows; the parts of JSON Schema that configs use."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema:
        return min((faults(one, value, whole, path) for one in schema["anyOf"]), key=len)
    types = {
        "object": dict, "array": list, "string": str, "integer": int,
        "number": (int, float), "boolean": bool, "null": type(None),
    }  # fmt: skip
    kind = schema.get("type")
    if kind and (not isinstance(value, types[kind]) or (kind != "boolean" and isinstance(value, bool))):
        return [f"{path}: {value!r} is no {kind}"]
    found = [] if value in schema.get("enum", [value]) else [f"{path}: {value!r} not in {schema['enum']}"]
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{path}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, part in value.items():
            inner = properties.get(name, others)
            if inner is False:
                found.append(f"{path}.{name} is unknown")
            elif isinstance(inner, dict):
                found += faults(inner, part, whole, f"{path}.{name}")
    if isinstance(value, list):
        for at, part in enumerate(value):
            found += faults(schema.get("items", {}), part, whole, f"{path}[{at}]")
    return found


@pytest.mark.parametrize("path", [*SHIPPED, DATA / "written_by_0_1" / "run" / "config.yaml"], ids=str)
def test_every_config_validates_against_the_printed_schema(path: Path) -> None:
    raw = read_config(path)
    schema = printed(raw.get("kind", "experiment"))
    assert faults(schema, raw, schema) == []
    done = CliRunner().invoke(app, ["config", "check", str(path)])
    assert done.output.startswith(f"{raw['name']}: valid")


def test_the_schema_knows_includes_sweeps_and_lists_of_values() -> None:
    schema = printed("experiment")
    swept = {
        "name": "x",
        "include": ["a.yaml"],
        "training": {"rounds": [1, 2]},
        "shop": {"slate_size": [3, 4]},
        "seeds": 5,
        "sweep": {
            "grid": {"log.decisions": [1000, 2000]},
            "random": {"count": 3, "ranges": {"truth.decisions": {"low": 1, "high": 9, "scale": "log"}}},
        },
    }
    assert faults(schema, swept, schema) == []
    for wrong in (
        {"training": {"rounds": [1, "many"]}},
        {"seed": [1, 2]},
        {"seeds": "five"},
        {"include": 3},
        {"sweep": {"grid": {"a": 1}}},
        {"sweep": {"rnd": {}}},
    ):
        assert faults(schema, {"name": "x", **wrong}, schema), wrong
    board = printed("leaderboard")
    assert "sweep" in board["properties"]


def test_the_schema_refuses_what_the_config_refuses() -> None:
    schema = printed("experiment")
    for wrong in (
        {"shop": {"slates": 5}},
        {"shop": {"choice": {"drift": "much"}}},
        {"training": {"rounds": 2.5}},
        {"catalog": {"source": "cellar"}},
        {"log": []},
        {"seed": "7"},
        {"shop": {"calendar": 1}},
    ):
        raw = {"name": "x", **wrong}
        assert len(faults(schema, raw, schema)) == 1, wrong
        with pytest.raises(InvalidInput):
            parse_config(raw)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_schema_whose_references_lead_somewhere(kind: str) -> None:
    schema = printed(kind)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    for reference in json.dumps(schema).split('"$ref": "#/$defs/')[1:]:
        assert reference.split('"')[0] in schema["$defs"]


@pytest.mark.parametrize(
    ("change", "field", "meant"),
    [
        ({"trainning": {}}, "trainning", "training"),
        ({"training": {"round": 3}}, "training.round", "rounds"),
        ({"shop": {"choice": {"click_bsae": 1.0}}}, "shop.choice.click_bsae", "click_base"),
        ({"shop": {"surfaces": {"home": {"slotz": 1}}}}, "shop.surfaces.home.slotz", "slots"),
        ({"catalog": {"source": "synthetc"}}, "catalog.source", "synthetic"),
    ],
)
def test_misspelt_names_say_which_was_meant(change: dict[str, Any], field: str, meant: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config({"name": "x", **change})
    assert caught.value.field == field
    assert caught.value.fix.endswith(f"did you mean {meant!r}?")


def test_a_leaderboard_names_the_family_whose_shop_is_wrong() -> None:
    families = {"bandit": {}, "session": {"shop": {"slate_sise": 3}}}
    raw = {"kind": "leaderboard", "name": "x", "agents": {"random": {}}, "families": families}
    with pytest.raises(InvalidInput) as caught:
        check(raw)
    assert caught.value.field == "families.session.shop.slate_sise"
    with pytest.raises(InvalidInput) as caught:
        check({**raw, "families": {"sesion": {}}})
    assert (caught.value.field, caught.value.value) == ("families.sesion", "sesion")
    assert caught.value.fix.endswith("did you mean 'session'?")


def test_a_config_is_stored_as_it_was_written_and_read_back_the_same() -> None:
    written = {"users": 20_000, "slate_size": 4, "delivery": {"weight": 1, "region_days": [0, 2]}}
    config = parse_config({"name": "x", "shop": written, "guards": [{"kind": "margin_floor", "minimum": 1}]})
    stored = config.model_dump(mode="json")
    assert stored["shop"] == written
    assert stored["reward"] == {}
    again = parse_config(yaml.safe_load(yaml.safe_dump(stored)))
    assert again.hash == config.hash
    assert again.shop.config == config.shop.config
    assert again.guards == config.guards


def test_hashes_of_shipped_configs_are_those_of_0_1() -> None:
    hashes = {"online_retail": "bd184a40af35", "whole_catalogue": "40f8b1d0b96d"}
    for name, start in hashes.items():
        assert parse_config(read_config(Path(name))).hash.startswith(start)


def test_a_key_that_stands_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("name: x\nagents:\n  random: {}\n  lints: {}\n\n  random: {}\n")
    with pytest.raises(InvalidInput, match=r"^random = 'given twice': keep one: lines 3 and 6$"):
        read_config(tmp_path / "twice.yaml")
