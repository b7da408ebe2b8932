"""Frozen policies of a run on disk: one JSON description and one array file each, no pickle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..core.errors import InvalidInput
from ..core.files import new_file, write_text
from ..core.hashing import canonical_json
from ..core.items import Items
from ..policies.policy import SlatePolicy, policy_from_state


def save_policy(folder: Path, policy: SlatePolicy) -> None:
    """Write ``NAME.json`` and ``NAME.npz``."""
    spec, arrays = policy.state()
    with new_file(folder / f"{policy.name}.npz") as path, path.open("wb") as handle:
        np.savez(handle, **dict(arrays))  # type: ignore[arg-type]  # numpy's stub takes any name for a flag
    write_text(folder / f"{policy.name}.json", canonical_json({"hash": policy.hash, "spec": spec}))


def read_policy(folder: Path, name: str, items: Items) -> SlatePolicy:
    """The policy saved as ``name``; its hash is checked."""
    description = folder / f"{name}.json"
    if not description.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.json")))
        raise InvalidInput("agent", name, f"this run has {known or 'no policies'}")
    saved = json.loads(description.read_text(encoding="utf-8"))
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        policy = policy_from_state(saved["spec"], dict(arrays), items)
    if policy.hash != saved["hash"]:
        raise InvalidInput("policy.hash", policy.hash, f"{name} was changed after it was saved: run again")
    return policy
