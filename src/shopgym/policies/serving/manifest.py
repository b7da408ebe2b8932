"""The manifest of a folder: it lists every file with its hash, and has a hash of its own.

``manifest.sha256`` holds the hash of ``manifest.json``, which holds the hashes of all other files. A
flipped bit, a missing file and an extra file are refused before anything is parsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.errors import InvalidInput
from ...core.files import MANIFEST_HASH

MANIFEST = "manifest.json"
AGAIN = "export the bundle again"


def write_json(path: Path, value: Any) -> None:
    """Readable JSON with sorted keys; NaN and infinity are refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Write the manifest of all files in ``folder``; returns its hash, which is the hash of the folder."""
    files = {name: _entry((folder / name).read_bytes()) for name in _names(folder)}
    write_json(folder / MANIFEST, {**manifest, "files": files})
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    (folder / MANIFEST_HASH).write_text(digest + "\n", encoding="ascii")
    return digest


def read_verified(
    folder: Path, field: str = "bundle", fix: str = AGAIN
) -> tuple[str, dict[str, Any], dict[str, bytes]]:
    """(hash, manifest, contents by path) of a folder with a manifest, every file compared with it.

    Args:
        folder: to read.
        field, fix: what messages call the folder, and what they tell the reader to do.

    Raises:
        InvalidInput: names the first file that is missing, extra or not as the manifest says.
    """
    if not folder.is_dir():
        raise InvalidInput(field, str(folder), "there is no such folder")
    names = _names(folder)
    for name in (MANIFEST, MANIFEST_HASH):
        if name not in names:
            raise InvalidInput(f"{field}.{name}", str(folder), f"the file is missing: {fix}")
    raw = (folder / MANIFEST).read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if (folder / MANIFEST_HASH).read_bytes() != f"{digest}\n".encode():
        raise InvalidInput(
            f"{field}.{MANIFEST}", digest, f"its hash is not the one in {MANIFEST_HASH}: {fix}"
        )
    manifest = parse_json(MANIFEST, raw)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise InvalidInput(f"{field}.{MANIFEST}", str(folder), f"it lists no files: {fix}")
    listed = set(manifest["files"])
    present = set(names) - {MANIFEST, MANIFEST_HASH}
    for name in sorted(listed - present):
        raise InvalidInput(f"{field}.{name}", str(folder), f"the file is missing: {fix}")
    for name in sorted(present - listed):
        raise InvalidInput(f"{field}.{name}", str(folder), "the manifest does not list this file: remove it")
    contents = {name: (folder / name).read_bytes() for name in sorted(listed)}
    for name, data in contents.items():
        if _entry(data) != manifest["files"][name]:
            raise InvalidInput(
                f"{field}.{name}", _entry(data)["sha256"], f"the manifest has another hash or size: {fix}"
            )
    return digest, manifest, contents


def parse_json(name: str, data: bytes) -> Any:
    """The JSON in a file of the bundle."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"bundle.{name}", str(error), f"it is no JSON: {AGAIN}") from error


def require_only_bundle_files(field: str, folder: Path) -> None:
    """Raise :class:`InvalidInput` at a file that no manifest would list; ``folder`` may be damaged."""
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path.suffix not in (".json", ".npy", ".sha256"):
            fix = f"it holds {path.relative_to(folder)}, which is no part of a bundle: move that file first"
            raise InvalidInput(field, str(folder), fix)


def _entry(data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _names(folder: Path) -> list[str]:
    """Every file below ``folder``, by its path with forward slashes; links are refused."""
    names = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            fix = "a bundle has plain files only: copy the file into it"
            raise InvalidInput(f"bundle.{name}", str(path), fix)
        if path.is_file():
            names.append(name)
    return names
