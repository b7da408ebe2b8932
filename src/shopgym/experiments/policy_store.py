"""The policies and the retriever of a run on disk, in the form that a bundle has them.

``policies/NAME/`` and ``retriever/`` each hold a specification as JSON, arrays as ``.npy`` and a manifest
with the hash of every file. Runs of version 0.1 have ``NAME.json`` and ``NAME.npz`` instead; they are still
read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InvalidInput
from ..core.files import new_folder
from ..core.items import Items
from ..core.types import AnyArray
from ..policies.policy import SlatePolicy, policy_from_state
from ..policies.retrieval.retriever import Retriever
from ..policies.serving.manifest import read_verified, write_manifest
from ..policies.serving.saved_policy import CHANGED, read_run_policy
from ..policies.serving.state_files import read_retriever_state, write_retriever_state


def policy_names(folder: Path) -> list[str]:
    """Names of the policies saved in ``folder``, sorted; none if there is no such folder."""
    folders = (path.name for path in folder.glob("*/") if path.is_dir())
    return sorted({*folders, *(path.stem for path in folder.glob("*.json"))})


def read_policy(folder: Path, name: str, items: Items) -> SlatePolicy:
    """The policy saved as ``name``.

    Raises:
        InvalidInput: there is none, or its files or its hash are not those that were saved.
    """
    path = folder / name
    if path.is_dir():
        return read_run_policy(path, items).policy
    if not _in_version_0_1(path):
        names = ", ".join(policy_names(folder)) or "no policies"
        raise InvalidInput("agent", name, f"this run has {names}")
    digest, spec, arrays = _read_version_0_1(path)
    policy = policy_from_state(spec, arrays, items)
    if policy.hash != digest:
        raise InvalidInput("policy.hash", policy.hash, f"{name}: {CHANGED}")
    return policy


def save_retriever(path: Path, retriever: Retriever) -> None:
    """Write the folder ``path``, whole or not at all."""
    with new_folder(path) as new:
        write_retriever_state(new, retriever)
        write_manifest(new, {"retriever_hash": retriever.hash})


def read_retriever(path: Path) -> Retriever | None:
    """The retriever saved at ``path``; None where there is none.

    Raises:
        InvalidInput: its files or its hash are not those that were saved.
    """
    if path.is_dir():
        _, manifest, files = read_verified(path, "retriever", CHANGED)
        retriever, digest = read_retriever_state(files), manifest["retriever_hash"]
    elif _in_version_0_1(path):
        digest, spec, arrays = _read_version_0_1(path)
        retriever = Retriever.from_state(spec, arrays)
    else:
        return None
    if retriever is None or retriever.hash != digest:
        raise InvalidInput("retriever.hash", digest, CHANGED)
    return retriever


def _in_version_0_1(path: Path) -> bool:
    return path.with_name(f"{path.name}.json").is_file()


def _read_version_0_1(path: Path) -> tuple[str, Mapping[str, Any], dict[str, AnyArray]]:
    """(hash, specification, arrays) of ``PATH.json`` and ``PATH.npz``."""
    saved = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    with np.load(path.with_name(f"{path.name}.npz"), allow_pickle=False) as arrays:
        return saved["hash"], saved["spec"], dict(arrays)
