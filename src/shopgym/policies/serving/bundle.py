"""The bundle: one folder with a policy, its catalogue and golden cases that prove that it works.

Plain JSON and ``.npy`` files, no pickle; loading needs numpy, and pydantic to check guards. Its files::

    manifest.json, manifest.sha256   what it is, and the hash of every file
    policy.json, arrays/*.npy        the policy's state()
    items.json, items/*.npy          the catalogue
    retriever.json, retriever/*.npy  if there is one: what chooses the candidates of a request that names none
    fallback.json                    if there is none: item ids that are ranked then
    evidence.json                    why it was let out: estimates, verdicts
    golden.json                      decisions it must make again before it serves
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..._version import __version__
from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.files import LOG_FILE, folder_with, new_folder, require_outside_bundle
from ...core.items import Items
from ...core.types import I32, Bool
from ..decision_log.schema import items_hash
from ..guards import InStock
from ..policy import SlatePolicy
from ..retrieval.retriever import Retriever, StockAwareRetriever
from .golden import make_cases, replay_cases
from .manifest import (
    AGAIN,
    MANIFEST,
    parse_json,
    read_verified,
    require_only_bundle_files,
    write_json,
    write_manifest,
)
from .request_schema import MAX_CANDIDATES, Feature, RankReader
from .state_files import (
    read_items,
    read_policy_state,
    read_retriever_state,
    write_items,
    write_policy_state,
    write_retriever_state,
)

SCHEMA = 1
OVERRIDE = "override"
"""In the evidence: why the policy leaves although the gate refused it."""
POPULAR = 100
"""Default number of fallback items."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded and checked bundle.

    Attributes:
        hash: SHA-256 of the manifest, so of everything in the bundle.
        manifest: what it is; see ``docs/serving.md``.
        policy: the policy, with its catalogue.
        user, context: the features of a request, in order.
        live: the live values of each candidate that a request must have.
        fallback: (f,) int32 rows, most popular first.
        evidence: as given to :func:`write_bundle`.
        retriever: finds the candidates of a request that names none; None = they are the fallback items.
    """

    hash: str
    manifest: Mapping[str, Any]
    policy: SlatePolicy
    user: tuple[Feature, ...]
    context: tuple[Feature, ...]
    live: tuple[Feature, ...]
    fallback: I32
    evidence: Mapping[str, Any]
    retriever: Retriever | None = None

    @property
    def override(self) -> str:
        """Why it leaves although the gate refused it; empty: it passed."""
        return str(self.evidence.get(OVERRIDE, ""))

    @cached_property
    def reader(self) -> RankReader:
        """Reads requests for this bundle, with all items in stock."""
        return self.reader_of(np.ones(len(self.policy.items), dtype=bool))

    def reader_of(self, in_stock: Bool) -> RankReader:
        """Reads requests and retrieves items that ``in_stock`` (N,) marks, as it is at each request."""
        retrieve = None if self.retriever is None else StockAwareRetriever(self.retriever, in_stock).fill
        return RankReader(
            self.policy.items,
            self.user,
            self.context,
            self.fallback,
            self.live,
            retrieve=retrieve,
            at_zero=self.policy.open_counters(),
        )


def write_bundle(
    path: Path | str,
    policy: SlatePolicy,
    *,
    golden_requests: Requests,
    user_names: Sequence[str],
    context_names: Sequence[str],
    unit: str,
    config_hash: str,
    evidence: Mapping[str, Any] | None = None,
    created: str = "",
    fallback: Sequence[str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    live_names: Sequence[str] = (),
    retriever: Retriever | None = None,
) -> Bundle:
    """Write ``policy`` as a bundle, whole or not at all, and load it again to prove that it works.

    Args:
        path: a folder; an older bundle there is replaced.
        golden_requests: at least 20 typical requests; the first 100 become golden cases. With a retriever
            every second one leaves out its candidates.
        user_names, context_names: what ``Requests.user`` and ``.context`` mean, in order.
        unit: of the reward in the server's log, e.g. ``GBP of margin``.
        config_hash: of the experiment the policy comes from.
        evidence: JSON-able; why the policy may serve.
        created: when, as ISO 8601. No clock is read, so equal arguments give equal bundles.
        fallback: item ids to rank when a request names none; default: the 100 most popular.
        ranges: (low, high) by ``user.NAME``, ``context.NAME`` or ``live.NAME``; default: any finite float32.
        live_names: live values that requests must have for each candidate, see ``Requests.live``.
        retriever: finds the candidates of a request that names none, instead of the fallback.

    Raises:
        InvalidInput: the policy has no :class:`InStock` guard, a name or a range is wrong, a golden
            request cannot be served, or ``path`` holds something that is no bundle, or lies in a bundle
            or in a server's log folder.
    """
    folder = Path(path)
    _require_place(folder)
    if not any(isinstance(guard, InStock) for guard in policy.guards):
        fix = "add InStock(): what is sold out is never shown"
        raise InvalidInput("policy.guards", [guard.kind for guard in policy.guards], fix)
    if retriever is not None:
        retriever.require_items(len(policy.items))
        if live_names:
            fix = "retrieved items have no live values: leave out the retriever, or rank without live values"
            raise InvalidInput("live_names", tuple(live_names), fix)
    spans = dict(ranges or {})
    user = tuple(_feature(f"user.{name}", spans) for name in user_names)
    context = tuple(_feature(f"context.{name}", spans) for name in context_names)
    live = tuple(_feature(f"live.{name}", spans) for name in live_names)
    for name in spans:
        raise InvalidInput("ranges", name, "no such feature: write user.NAME, context.NAME or live.NAME")
    rows = _fallback_rows(policy.items, fallback)
    manifest = {
        "schema": SCHEMA,
        "name": policy.name,
        "created": created,
        "policy_hash": policy.hash,
        "config_hash": config_hash,
        "unit": unit,
        "slate_size": policy.slate_size,
        "retriever": None if retriever is None else {"hash": retriever.hash, "count": retriever.count},
        "items": {"count": len(policy.items), "hash": items_hash(policy.items)},
        "features": {
            "dtype": "float32",
            "nan": "refused",
            "user": [asdict(feature) for feature in user],
            "context": [asdict(feature) for feature in context],
            "live": [asdict(feature) for feature in live],
        },
        "requires": {"python": ">=3.11", "numpy": ">=2.0", "bundle_schema": SCHEMA},
        "made_with": {
            "shopgym": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": platform.machine(),
        },
    }
    try:
        json.dumps(evidence, allow_nan=False)
    except (TypeError, ValueError) as error:
        fix = "give what JSON can hold, without NaN and infinity"
        raise InvalidInput("evidence", str(error), fix) from error
    with new_folder(folder) as new:
        write_policy_state(new, policy)
        write_items(new, policy.items)
        write_json(new / "fallback.json", [str(item) for item in policy.items.item_id[rows]])
        write_json(new / "evidence.json", evidence or {})
        if retriever is not None:
            write_retriever_state(new, retriever)
        bundle = Bundle("", manifest, policy, user, context, live, rows, evidence or {}, retriever)
        cases = make_cases(policy, bundle.reader, golden_requests, retriever is not None)
        write_json(new / "golden.json", cases)
        write_manifest(new, manifest)
        return load_bundle(new)


def load_bundle(path: Path | str) -> Bundle:
    """Load a bundle after checking every file's hash, and replay its golden cases.

    Raises:
        InvalidInput: a file is missing, extra or changed, or a golden case is decided otherwise.
    """
    digest, manifest, files = read_verified(Path(path))
    if manifest.get("schema") != SCHEMA:
        fix = f"this shopgym reads schema {SCHEMA}: install one that fits"
        raise InvalidInput("bundle.schema", manifest.get("schema"), fix)
    try:
        bundle = _parse(digest, manifest, files)
        if bundle.policy.hash != manifest["policy_hash"]:
            fix = f"the manifest has {manifest['policy_hash']}: {AGAIN}"
            raise InvalidInput("bundle.policy_hash", bundle.policy.hash, fix)
        replay_cases(bundle.policy, bundle.reader, parse_json("golden.json", files["golden.json"]))
    except (KeyError, TypeError) as error:
        raise InvalidInput("bundle", str(path), f"its files lack {error}: {AGAIN}") from error
    return bundle


def load_policy(path: Path | str) -> SlatePolicy:
    """The policy of :func:`load_bundle`."""
    return load_bundle(path).policy


def _parse(digest: str, manifest: dict[str, Any], files: Mapping[str, bytes]) -> Bundle:
    items = read_items(files)
    retriever = read_retriever_state(files)
    if retriever is not None:
        retriever.require_items(len(items))
    features = manifest["features"]
    return Bundle(
        hash=digest,
        manifest=manifest,
        policy=read_policy_state(files, items),
        user=tuple(Feature(**feature) for feature in features["user"]),
        context=tuple(Feature(**feature) for feature in features["context"]),
        # older bundles have no live values
        live=tuple(Feature(**feature) for feature in features.get("live", ())),
        fallback=_fallback_rows(items, parse_json("fallback.json", files["fallback.json"])),
        evidence=parse_json("evidence.json", files["evidence.json"]),
        retriever=retriever,
    )


def _require_place(folder: Path) -> None:
    """Raise :class:`InvalidInput` unless a bundle may stand there, and an older one be replaced."""
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise InvalidInput("bundle.path", str(folder), "it exists and is no bundle: choose another folder")
    require_only_bundle_files("bundle.path", folder)
    require_outside_bundle("bundle.path", folder.resolve().parent)
    log_folder = folder_with(folder, LOG_FILE)
    if log_folder is not None:
        fix = f"{log_folder} is the log folder of a server: choose another folder"
        raise InvalidInput("bundle.path", str(folder), fix)


def _feature(name: str, spans: dict[str, tuple[float, float]]) -> Feature:
    """The feature ``side.NAME``; takes its range out of ``spans``."""
    short = name.partition(".")[2]
    if name not in spans:
        return Feature(short)
    low, high = (float(bound) for bound in spans.pop(name))
    widest = Feature(short)
    if not widest.low <= low <= high <= widest.high:
        raise InvalidInput(f"ranges.{name}", (low, high), "give low <= high, finite as float32")
    return Feature(short, low, high)


def _fallback_rows(items: Items, ids: Sequence[str] | None) -> I32:
    if ids is None:
        return np.argsort(-items.popularity, kind="stable")[:POPULAR].astype(np.int32)
    if not 1 <= len(ids) <= MAX_CANDIDATES or len(set(ids)) != len(ids):
        raise InvalidInput("fallback", len(ids), f"give 1 to {MAX_CANDIDATES} different item ids")
    for item in ids:
        if item not in items.row_of:
            raise InvalidInput("fallback", item, "no such item in the catalogue")
    return np.array([items.row_of[item] for item in ids], dtype=np.int32)
