"""The files of a policy, of a catalogue and of a retriever, the same in a bundle and in the folder of a run.

A specification is one JSON file, its arrays are ``.npy`` files in a folder beside it; no pickle. The hash of
every file is in the manifest of the whole folder, see :mod:`.manifest`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import AnyArray
from ..policy import SlatePolicy, policy_from_state
from ..retrieval.retriever import Retriever
from .manifest import AGAIN, parse_json, write_json

Files = Mapping[str, bytes]
"""Contents by path, as :func:`.manifest.read_verified` returns them."""


def write_policy_state(folder: Path, policy: SlatePolicy) -> None:
    """Write ``policy.json`` and ``arrays/*.npy``; the catalogue is not among them.

    Raises:
        InvalidInput: the name of an array is no file name.
    """
    spec, arrays = policy.state()
    write_json(folder / "policy.json", spec)
    write_arrays(folder / "arrays", arrays)


def read_policy_state(files: Files, items: Items) -> SlatePolicy:
    """The policy over ``items`` that :func:`write_policy_state` wrote."""
    spec = parse_json("policy.json", files["policy.json"])
    return policy_from_state(spec, read_arrays(files, "arrays/"), items)


def write_items(folder: Path, items: Items) -> None:
    """Write the catalogue: ``items.json`` and ``items/*.npy``."""
    described = ("category_names", "feature_names", "currency")
    write_json(folder / "items.json", {name: getattr(items, name) for name in described})
    write_arrays(folder / "items", items.columns())


def read_items(files: Files) -> Items:
    """The catalogue that :func:`write_items` wrote."""
    names = parse_json("items.json", files["items.json"])
    return Items(
        **read_arrays(files, "items/"),
        category_names=tuple(names["category_names"]),
        feature_names=tuple(names["feature_names"]),
        currency=names["currency"],
    )


def write_retriever_state(folder: Path, retriever: Retriever) -> None:
    """Write ``retriever.json`` and ``retriever/*.npy``."""
    spec, arrays = retriever.state()
    write_json(folder / "retriever.json", spec)
    write_arrays(folder / "retriever", arrays)


def read_retriever_state(files: Files) -> Retriever | None:
    """The retriever that :func:`write_retriever_state` wrote; None where there is none."""
    if "retriever.json" not in files:
        return None
    spec = parse_json("retriever.json", files["retriever.json"])
    return Retriever.from_state(spec, read_arrays(files, "retriever/"))


def write_arrays(folder: Path, arrays: Mapping[str, AnyArray]) -> None:
    """Write each array as ``NAME.npy``; strings get a fixed width."""
    folder.mkdir()
    for name, values in arrays.items():
        if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", name):
            raise InvalidInput("policy.arrays", name, "name arrays with letters, digits and _")
        plain = values.astype(str) if values.dtype.kind == "O" else values
        np.save(folder / f"{name}.npy", plain, allow_pickle=False)


def read_arrays(files: Files, prefix: str) -> dict[str, Any]:
    """The arrays whose path begins with ``prefix``, by name."""
    out = {}
    for name, data in files.items():
        if name.startswith(prefix):
            try:
                out[name[len(prefix) :].removesuffix(".npy")] = np.load(BytesIO(data), allow_pickle=False)
            except (ValueError, EOFError) as error:
                raise InvalidInput(f"bundle.{name}", str(error), f"it is no plain array: {AGAIN}") from error
    return out
