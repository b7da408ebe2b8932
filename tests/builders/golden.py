"""What the project computed when its golden answers were recorded, so that a tidy-up changes nothing.

``python tests/golden.py`` records them anew in ``tests/data/golden.json``; do that only in a commit that
means to change an answer, and say in it which and why. Whole numbers are kept as a hash, sums of floats as
numbers: the last bit of a logarithm may differ between processors.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from builders.bundles import linear_policy, rank_body, small_bundle
from builders.paths import DATA, ROOT
from shopgym.core import Feedback
from shopgym.core.batches import SLOT_TERMS
from shopgym.core.types import AnyArray
from shopgym.experiments.config import parse_config
from shopgym.experiments.runner import run
from shopgym.policies.decision_log.compaction import compact
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.policies.serving.bundle import load_bundle
from shopgym.policies.serving.server import make_app
from shopgym.simulators import ArrivalConfig, Catalog, Shop, ShopConfig, StockConfig, SurfacesConfig
from shopgym.simulators.config import DwellConfig, ReturnConfig
from shopgym.simulators.profiles.profiles import profile, profile_catalog

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient

RECORD = DATA / "golden.json"
DEMO = ROOT / "experiments" / "configs" / "online_retail.yaml"
CLOCKS = ("pages", "own", "season")
PAGES, LANES, THREADS = 12, 48, (1, 3)
RECORDED_TERMS = SLOT_TERMS[:9]
"""Those of the day when they were recorded; later ones have tests of their own."""


class Digest:
    """Whole numbers go into one hash, floats into sums."""

    def __init__(self) -> None:
        self.sha, self.sums = hashlib.sha256(), np.zeros(2)

    def add(self, values: Any) -> None:
        """Take in an array."""
        values = np.ascontiguousarray(values)
        self.sha.update(str(values.shape).encode())
        if values.dtype.kind == "f":
            finite = np.nan_to_num(values.astype(np.float64))
            weights = 1.0 + np.arange(finite.size) % 97  # so that an exchange of two numbers shows
            self.sums += [np.abs(finite).sum(), (finite.ravel() * weights).sum()]
        elif values.dtype.kind in "OU":
            self.sha.update("\0".join(map(str, values.ravel())).encode())
        else:
            self.sha.update(values.astype(np.int64).tobytes())

    def result(self) -> dict[str, Any]:
        """JSON-able."""
        return {"hash": self.sha.hexdigest(), "sums": self.sums.tolist()}


def shops() -> dict[str, tuple[str, str, ShopConfig]]:
    """26 shops: (catalogue, clock, config) by name."""
    plain = ShopConfig(
        users=1500, slate_size=3, num_candidates=8, history=8, arrivals=ArrivalConfig(per_day=20.0)
    )
    full = ShopConfig.full(users=1500, slate_size=4, num_candidates=12)
    table = {f"plain {clock}": ("small", clock, plain) for clock in CLOCKS}
    table |= {f"full {clock}": ("small", clock, full) for clock in CLOCKS}
    for name in ("gift", "fashion", "grocery"):
        table |= {f"{name} {clock}": (name, clock, profile(name, visits=2000)) for clock in CLOCKS}
    scarce = StockConfig(minimum=1, cover_days=0.5)
    surfaces = SurfacesConfig(enabled=True)
    variants = {
        "scarce": replace(plain, pages_per_day=4, stock=scarce),
        "no stock": replace(plain, stock=StockConfig(enabled=False)),
        "whole catalogue": replace(plain, num_candidates=0),
        "live": replace(plain, live=True),
        "surfaces": replace(plain, surfaces=surfaces, slate_size=6, num_candidates=20),
        "dwell": replace(plain, dwell=DwellConfig(enabled=True)),
        "returns": replace(plain, returns=ReturnConfig(enabled=True, rate=0.4, handling=1.0)),
        "market": replace(plain, market=full.market, campaigns=full.campaigns, shocks=full.shocks),
        "calendar": replace(plain, calendar=True, taste_noise=0.0),
        "substitution": replace(plain, stock=scarce, choice=full.choice),
        "people": replace(plain, people=full.people, arrivals=full.arrivals),
    }
    return table | {name: ("small", "pages", config) for name, config in variants.items()}


def catalogs() -> dict[str, Catalog]:
    """The catalogues of the shops."""
    profiles = ("gift", "fashion", "grocery")
    return {"small": Catalog.synthetic(120, seed=3), **{name: profile_catalog(name) for name in profiles}}


def of_shop(shop: Shop) -> Digest:
    """Everything that can be seen of a shop over some pages under a fixed rule."""
    digest = Digest()
    k = shop.config.slate_size
    for page in range(PAGES):
        shop.start_visits()
        requests = shop.requests()
        off = np.full(shop.lanes, 0.1) if page % 3 == 2 else None
        choice = requests.candidates
        if not shop.config.num_candidates:
            choice = ((2 * np.arange(shop.lanes)[:, None] + page + np.arange(k)) % 120).astype(np.int32)
        slates = np.ascontiguousarray(choice[:, :k])
        if page == 5:
            slates[:, -1] = -1
        waiting = ~shop.visits.over
        seen = [getattr(requests, name)[waiting] for name in ("request_id", "user_id", "user", "context")]
        seen += [requests.candidates[waiting], requests.in_stock[waiting], requests.time[waiting]]
        seen += [values[waiting] for values in requests.live.values()]
        seen += [values[waiting] for values in (requests.slots, requests.history) if values is not None]
        expected = shop.expected(slates, price_off=off)
        seen += [expected[name][waiting] for name in RECORDED_TERMS]
        seen += [shop.attention(slates)[waiting]]
        feedback, left, cut = shop.serve(slates, price_off=off)
        names = ("clicked", "carted", "examined", "unavailable", "page", "seconds", "dwell", "cart_units")
        names += (
            "removed",
            "sold",
            "quantity",
            "revenue",
            "margin",
            "returned",
            "return_cost",
            "return_delay",
        )
        seen += [_recorded(feedback, name)[waiting] for name in names]
        gone, late = shop.end_visits(left | cut)
        seen += [left, cut, gone, late, shop.stock.on_hand, shop.visits.intent[waiting], shop.visits.user]
        for values in seen:
            digest.add(values)
    return digest


def _recorded(feedback: Feedback, name: str) -> AnyArray:
    """An attribute of the feedback; of the page, the terms that were recorded."""
    values: AnyArray = getattr(feedback, name)
    return values[:, : len(RECORDED_TERMS)] if name == "page" else values


def golden(catalog: Catalog, clock: str, config: ShopConfig) -> dict[str, Any]:
    """The digest of a shop, which is the same whatever the number of threads."""
    digests = []
    for threads in THREADS:
        shop = Shop(catalog, config, lanes=LANES, seed=5, clock=clock, days=28.0, threads=threads, block=8)
        digests.append(of_shop(shop).result())
    assert digests[0] == digests[1], "threads change what happens"
    return digests[0]


def demo(folder: Path) -> dict[str, Any]:
    """A short run of the demo's config."""
    config = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    config["training"] = {"rounds": 6, "batch": 200, "warm_up": 2}
    config["log"] |= {"decisions": 4000}
    config["evaluation"] |= {"bootstrap": 100}
    config["truth"] = {"decisions": 2000}
    run(parse_config(config), folder, quiet=True)
    log = DecisionLog.read(folder / "log.parquet")
    digest, evaluation = Digest(), Digest()
    for values in log.columns().values():
        digest.add(values)
    table = pd.read_parquet(folder / "metrics/evaluation.parquet")
    evaluation.add(table[["value", "low", "high"]].to_numpy(np.float64))
    hashes = {
        path.parent.name: json.loads(path.read_text())["policy_hash"]
        for path in (folder / "policies").glob("*/manifest.json")
    }
    return {
        "decisions": digest.result(),
        "evaluation": evaluation.result(),
        "policies": dict(sorted(hashes.items())),
        "log_policy": log.policy_hash,
        "items": log.items_hash,
        "catalog": Catalog.load(folder / "catalog.parquet").hash,  # of all but the notes, which are words
    }


def served(folder: Path) -> dict[str, Any]:
    """A decision log that a bundle's server wrote."""
    policy = linear_policy()
    small_bundle(folder / "bundle", policy)
    bundle = load_bundle(folder / "bundle")
    digest = Digest()
    with TestClient(make_app(bundle, folder / "log")) as client:
        for i in range(60):
            body = rank_body(policy, f"r{i}", m=5 + i % 20)
            assert client.post("/rank", json=body).status_code == 200
    log = compact(folder / "log", bundle.policy)
    for values in log.columns().values():
        digest.add(values)
    return {**digest.result(), "policy": bundle.policy.hash, "items": log.items_hash}


def record() -> dict[str, Any]:
    """All golden answers."""
    answers: dict[str, Any] = {"shops": {}}
    ranges = catalogs()
    for name, (catalog, clock, config) in shops().items():
        answers["shops"][name] = golden(ranges[catalog], clock, config)
    with tempfile.TemporaryDirectory() as folder:
        answers["demo"] = demo(Path(folder) / "demo")
        answers["served"] = served(Path(folder))
    return answers


def differences(now: Mapping[str, Any], then: Mapping[str, Any], path: str = "") -> Iterable[str]:
    """Names of what is not as it was recorded."""
    for name in sorted({*now, *then}):
        a, b = now.get(name), then.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from differences(a, b, f"{path}{name}.")
        elif name == "sums" and a and b:
            if not np.allclose(a, b, rtol=1e-9, atol=0.0):
                yield f"{path}{name}"
        elif a != b:
            yield f"{path}{name}"


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {RECORD}")
