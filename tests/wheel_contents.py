"""Build the wheel and look inside: all of the package, its data and its licence, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = (
    "shopgym/__init__.py",
    "shopgym/py.typed",
    "shopgym/core/batches.py",
    "shopgym/simulators/catalog/data/online_retail.parquet",
    "shopgym/experiments/configs/online_retail.yaml",
    *(f"shopgym/experiments/watch/{name}" for name in ("page.html", "page.css", "page.js", "charts.js")),
)
LIMIT = 2_000_000
"""Bytes of the wheel."""


def main() -> int:
    """Exit code 1 with the reason if the wheel is not what it should be."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, str(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout + done.stderr)
            return 1
        wheel = next(Path(folder).glob("*.whl"))
        names = zipfile.ZipFile(wheel).namelist()
        size = wheel.stat().st_size
    source = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "shopgym").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    info = [name for name in names if ".dist-info/" in name]
    wrong = [f"missing: {name}" for name in sorted((source | set(NEEDED)) - set(names))]
    wrong += [f"should not be there: {name}" for name in sorted(set(names) - source - set(info))]
    for licence in ("LICENSE", "NOTICE"):
        if not any(name.endswith(f"/licenses/{licence}") for name in info):
            wrong.append(f"missing: {licence}")
    if size > LIMIT:
        wrong.append(f"{size} bytes is more than {LIMIT}")
    print("\n".join(wrong) or f"wheel: {len(names)} files, {size / 1000:.0f} kB, all there")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
