"""Frozen policies and the retriever of a run on disk: JSON and an array file each, no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InvalidInput
from ..core.files import new_file, write_text
from ..core.hashing import canonical_json
from ..core.items import Items
from ..core.types import AnyArray
from ..policies.policy import SlatePolicy, policy_from_state
from ..policies.retrieval.retriever import Retriever


def save_policy(folder: Path, policy: SlatePolicy) -> None:
    """Write ``NAME.json`` and ``NAME.npz``."""
    _save(folder / policy.name, policy.hash, *policy.state())


def read_policy(folder: Path, name: str, items: Items) -> SlatePolicy:
    """The policy saved as ``name``; its hash is checked."""
    if not (folder / f"{name}.json").is_file():
        names = ", ".join(sorted(path.stem for path in folder.glob("*.json")))
        raise InvalidInput("agent", name, f"this run has {names or 'no policies'}")
    saved, arrays = _read(folder / name)
    policy = policy_from_state(saved["spec"], arrays, items)
    if policy.hash != saved["hash"]:
        raise InvalidInput("policy.hash", policy.hash, f"{name} was changed after it was saved: run again")
    return policy


def save_retriever(path: Path, retriever: Retriever) -> None:
    """Write ``PATH.json`` and ``PATH.npz``."""
    _save(path, retriever.hash, *retriever.state())


def read_retriever(path: Path) -> Retriever | None:
    """The retriever saved at ``path``, its hash checked; None where there is none."""
    if not path.with_name(f"{path.name}.json").is_file():
        return None
    saved, arrays = _read(path)
    retriever = Retriever.from_state(saved["spec"], arrays)
    if retriever.hash != saved["hash"]:
        raise InvalidInput("retriever.hash", retriever.hash, "it was changed after it was saved: run again")
    return retriever


def _save(path: Path, digest: str, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> None:
    with new_file(path.with_name(f"{path.name}.npz")) as new, new.open("wb") as handle:
        np.savez(handle, **dict(arrays))  # type: ignore[arg-type]  # numpy's stub takes any name for a flag
    write_text(path.with_name(f"{path.name}.json"), canonical_json({"hash": digest, "spec": spec}))


def _read(path: Path) -> tuple[Any, dict[str, AnyArray]]:
    saved = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    with np.load(path.with_name(f"{path.name}.npz"), allow_pickle=False) as arrays:
        return saved, dict(arrays)
