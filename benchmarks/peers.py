"""The systems we are compared with: one environment each, under ``.peers/<name>``, with pinned versions.

    python benchmarks/peers.py            install what is missing (safe to run again)
    python benchmarks/peers.py sardine    only this one

Needs the standard library alone. A peer never shares an environment with shopgym: it is run as a
subprocess with its own interpreter, see :func:`python_of`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".peers"

PEERS = {
    # Its simulator needs Gymnasium and NumPy only; torch is asked for by its data sets alone.
    "sardine": ("sardine-rec==1.0.8", "gymnasium==1.4.0", "numpy==2.4.6"),
}
"""Per peer, what pip installs."""


def python_of(name: str) -> Path | None:
    """The interpreter of an installed peer; None if it is not installed, or not with these versions."""
    note = HOME / name / "installed.txt"
    if not note.is_file() or note.read_text(encoding="utf-8") != _wanted(name):
        return None
    return _interpreter(name)


def install(name: str) -> None:
    """Make the environment of one peer; the note that says so is written last."""
    if python_of(name):
        print(f"{name}: already installed", flush=True)
        return
    shutil.rmtree(HOME / name, ignore_errors=True)
    print(f"{name}: new environment in {os.path.relpath(HOME / name)}", flush=True)
    venv.create(HOME / name, with_pip=True)
    print(f"{name}: pip install {' '.join(PEERS[name])}", flush=True)
    pip = [_interpreter(name), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, *PEERS[name]], check=True)
    (HOME / name / "installed.txt").write_text(_wanted(name), encoding="utf-8")
    print(f"{name}: ready", flush=True)


def _interpreter(name: str) -> Path:
    folder = "Scripts" if os.name == "nt" else "bin"
    return HOME / name / folder / "python"


def _wanted(name: str) -> str:
    return "\n".join(PEERS[name]) + "\n"


def main(names: list[str]) -> int:
    """Install the named peers, or all."""
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; choose among {', '.join(PEERS)}", file=sys.stderr)
        return 2
    for name in names or PEERS:
        try:
            install(name)
        except subprocess.CalledProcessError as error:
            print(f"{name}: pip failed with exit code {error.returncode}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
