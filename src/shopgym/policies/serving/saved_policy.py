"""A policy on disk with what it needs to be evaluated: of a bundle, or one of the policies of a run.

A run has the catalogue once, and every policy in a folder of its own, whether the gate let it out or not::

    items/                items.json, items/*.npy and a manifest
    policies/NAME/        policy.json, arrays/*.npy and a manifest that names the features of a request

Such a folder cannot be served: it has neither golden cases nor evidence. Export makes a bundle of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import InvalidInput
from ...core.files import new_folder
from ...core.items import Items
from ..decision_log.schema import items_hash
from ..policy import SlatePolicy
from .bundle import load_bundle
from .manifest import MANIFEST, parse_json, read_verified, write_manifest
from .state_files import read_items, read_policy_state, write_items, write_policy_state

CHANGED = "it was changed after it was saved: run again"
KIND = "policy of a run"
ITEMS = "items"
SIDES = ("user", "context", "live")
"""Whose columns a request has."""


@dataclass(frozen=True, eq=False)
class SavedPolicy:
    """A policy and the features that its requests have.

    Attributes:
        policy: with its catalogue.
        user_names, context_names, live_names: of the features, in order.
    """

    policy: SlatePolicy
    user_names: tuple[str, ...]
    context_names: tuple[str, ...]
    live_names: tuple[str, ...] = ()


def is_policy_folder(path: Path | str) -> bool:
    """Whether ``path`` is a folder that :func:`load_saved_policy` is meant for."""
    return (Path(path) / MANIFEST).is_file()


def load_saved_policy(path: Path | str) -> SavedPolicy:
    """The policy of a bundle, or of a folder ``policies/NAME`` of a run.

    Raises:
        InvalidInput: there is no such folder, or its files are not those that were saved.
    """
    folder = Path(path)
    if not is_policy_folder(folder):
        fix = "give the folder of a bundle, or policies/NAME of a run"
        raise InvalidInput("policy", str(folder), fix)
    manifest = parse_json(MANIFEST, (folder / MANIFEST).read_bytes())
    if isinstance(manifest, dict) and manifest.get("kind") == KIND:
        return read_run_policy(folder, _items_beside(folder))
    if isinstance(manifest, dict) and set(manifest) == {"name", "policy_hash", "files"}:
        fix = "an earlier version wrote this run without the features of a request: run again"
        raise InvalidInput("policy", str(folder), fix)
    bundle = load_bundle(folder)
    sides = (bundle.user, bundle.context, bundle.live)
    names = (tuple(feature.name for feature in features) for features in sides)
    return SavedPolicy(bundle.policy, *names)


def write_run_policy(folder: Path, policy: SlatePolicy, features: Mapping[str, Sequence[str]]) -> None:
    """Write ``policy`` into ``folder / policy.name``, whole or not at all, without its catalogue.

    Args:
        features: names of the columns of a request, in order, by :data:`SIDES`.
    """
    manifest = {
        "kind": KIND,
        "name": policy.name,
        "policy_hash": policy.hash,
        "items": {"count": len(policy.items), "hash": items_hash(policy.items)},
        "features": {side: list(features[side]) for side in SIDES},
    }
    with new_folder(folder / policy.name) as new:
        write_policy_state(new, policy)
        write_manifest(new, manifest)


def read_run_policy(folder: Path, items: Items) -> SavedPolicy:
    """The policy over ``items`` that :func:`write_run_policy` wrote as ``folder``.

    Raises:
        InvalidInput: its files or its hash are not those that were saved.
    """
    field = f"policies.{folder.name}"
    _, manifest, files = read_verified(folder, field, CHANGED)
    policy = read_policy_state(files, items)
    if policy.hash != manifest["policy_hash"]:
        raise InvalidInput("policy.hash", policy.hash, f"{folder.name}: {CHANGED}")
    features = manifest.get("features", {})  # runs of version 0.2 have none
    return SavedPolicy(policy, *(tuple(features.get(side, ())) for side in SIDES))


def write_run_items(run: Path, items: Items) -> None:
    """Write the catalogue of the policies of a run."""
    with new_folder(run / ITEMS) as new:
        write_items(new, items)
        write_manifest(new, {"kind": "items of a run"})


def run_items(run: Path) -> Items | None:
    """The catalogue that :func:`write_run_items` wrote; None where there is none."""
    place = run.resolve() / ITEMS
    return read_items(read_verified(place, ITEMS, CHANGED)[2]) if place.is_dir() else None


def _items_beside(folder: Path) -> Items:
    """The catalogue of the run that ``folder`` is a policy of."""
    items = run_items(folder.resolve().parent.parent)
    if items is None:
        fix = "the catalogue lies in the run's folder: leave the policy there, or copy the whole run"
        raise InvalidInput("policy", str(folder), fix)
    return items
