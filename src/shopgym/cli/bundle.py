"""``shopgym bundle``: show a bundle, and check that it still works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def bundle_verify(path: Annotated[Path, typer.Argument(help="the bundle's folder")]) -> None:
    """Check every file's hash and replay the golden cases."""
    from ..policies.serving import load_bundle

    bundle = load_bundle(path)
    print(f"{path}: {len(bundle.manifest['files'])} files and the golden cases are right, hash {bundle.hash}")


def bundle_inspect(
    path: Annotated[Path, typer.Argument(help="the bundle's folder")],
    as_json: Annotated[bool, typer.Option("--json", help="manifest and evidence as JSON")] = False,
) -> None:
    """Show what a bundle is, after checking it."""
    from ..policies.serving import load_bundle

    bundle = load_bundle(path)
    manifest = bundle.manifest
    if as_json:
        print(json.dumps({"bundle_hash": bundle.hash, **manifest, "evidence": bundle.evidence}, indent=1))
        return
    policy = bundle.policy
    retriever = bundle.retriever
    lines = {
        "name": policy.name,
        "created": manifest["created"] or "not said",
        "bundle hash": bundle.hash,
        "policy hash": policy.hash,
        "config hash": manifest["config_hash"],
        "items": f"{len(policy.items)} ({policy.items.currency})",
        "slate": f"{policy.slate_size} items",
        "retrieves": f"{retriever.count} by {retriever.model.kind}"
        if retriever
        else "no: popular items without candidates",
        "ranks by": policy.scorer.kind,
        "explores by": str(policy.explorer),
        "guards": ", ".join(str(guard) for guard in policy.guards),
        "user features": ", ".join(feature.name for feature in bundle.user) or "none",
        "context features": ", ".join(feature.name for feature in bundle.context) or "none",
        "reward unit": manifest["unit"],
        **({"OVERRIDDEN": f"the gate refused it: {bundle.override}"} if bundle.override else {}),
        "evidence": f"{', '.join(bundle.evidence) or 'none'} (see --json)",
        "files": f"{len(manifest['files'])}, {sum(f['bytes'] for f in manifest['files'].values())} bytes",
    }
    for name, value in lines.items():
        print(f"{name:<17} {value}")
