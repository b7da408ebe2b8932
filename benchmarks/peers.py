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
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".peers"


@dataclass(frozen=True)
class Peer:
    """One system.

    Attributes:
        installs: the arguments of one call of ``pip install`` after another.
        newest: (major, minor) of the last Python that its pinned versions install on; None = any.
    """

    installs: tuple[tuple[str, ...], ...]
    newest: tuple[int, int] | None = None

    @property
    def note(self) -> str:
        """What the environment must hold."""
        return "\n".join(" ".join(arguments) for arguments in self.installs) + "\n"


OLD_BUILD = ("pip==23.2.1", "setuptools==65.5.1", "wheel==0.38.4")
"""gym 0.21 asks for ``opencv-python>=3.`` among its extras, which later versions refuse to read."""

PEERS = {
    # Its simulator needs Gymnasium and NumPy only; torch is asked for by its data sets alone.
    "sardine": Peer((("sardine-rec==1.0.8", "gymnasium==1.4.0", "numpy==2.4.6"),)),
    # RecSim without its TensorFlow agents, on the gym it was written for.
    "recsim": Peer(
        (
            OLD_BUILD,
            ("numpy==1.23.5", "six==1.17.0", "gin-config==0.5.0", "absl-py==2.1.0", "cloudpickle==3.1.2"),
            ("--no-build-isolation", "--no-deps", "gym==0.21.0"),
            ("--no-deps", "recsim-no-tf==0.2.3"),
        ),
        newest=(3, 11),
    ),
    # Its agents need torch and TensorFlow, its environment does not: see _recogym.py.
    "recogym": Peer(
        (
            ("numpy==1.26.4", "scipy==1.11.4", "pandas==1.5.3", "tqdm==4.67.1", "cloudpickle==3.1.2"),
            ("--no-deps", "gym==0.26.2", "recogym==0.1.3.0"),
        ),
        newest=(3, 11),
    ),
    # Its pinned versions forbid themselves newer Pythons; its learners need torch, its estimators do not: see
    # _obp.py.
    "obp": Peer(
        (
            ("numpy==1.26.4", "pandas==1.5.3", "scikit-learn==1.3.2", "scipy==1.11.4"),
            ("tqdm==4.67.1", "matplotlib==3.8.4", "seaborn==0.13.2", "pyyaml==6.0.2"),
            ("--no-deps", "--ignore-requires-python", "obp==0.5.7", "pyieoe==0.1.1"),
        ),
        newest=(3, 11),
    ),
    # Two libraries of bandits: see _mabwiser.py and _bakeoff.py.
    "mabwiser": Peer((("mabwiser==2.7.4", "numpy==2.4.6", "pandas==2.3.3", "scikit-learn==1.9.1"),)),
    "coba": Peer((("coba==8.1.0", "numpy==2.4.6"),)),
    # Of what it asks for, only what its own models import; torch is the version that shopgym is tested with.
    "recbole": Peer(
        (
            ("torch==2.13.0",),
            ("numpy==1.26.4", "scipy==1.11.4", "pandas==2.1.4", "scikit-learn==1.3.2"),
            ("tqdm==4.70.1", "colorlog==4.7.2", "colorama==0.4.4", "pyyaml==6.0.3", "texttable==1.7.2"),
            ("psutil==7.2.2", "tabulate==0.10.0", "tensorboard==2.21.0", "plotly==7.1.0"),
            ("thop==0.1.1.post2209072238",),
            ("--no-deps", "recbole==1.2.1"),
        ),
        newest=(3, 12),
    ),
}


def python_of(name: str) -> Path | None:
    """The interpreter of an installed peer; None if it is not installed, or not with these versions."""
    note = HOME / name / "installed.txt"
    if not note.is_file() or note.read_text(encoding="utf-8") != PEERS[name].note:
        return None
    return _interpreter(name)


def reason(name: str) -> str:
    """Why a peer that is not installed is left out."""
    if _base(name) is None:
        return f"{name}: left out, its versions need Python {_dotted(PEERS[name].newest)} and there is none"
    return f"{name}: left out, not installed; 'make bench-peers' installs it"


def install(name: str) -> None:
    """Make the environment of one peer; the note that says so is written last."""
    if python_of(name):
        print(f"{name}: already installed", flush=True)
        return
    base = _base(name)
    if base is None:
        print(reason(name), flush=True)
        return
    shutil.rmtree(HOME / name, ignore_errors=True)
    print(f"{name}: new environment in {os.path.relpath(HOME / name)}", flush=True)
    if base == sys.executable:
        venv.create(HOME / name, with_pip=True)
    else:
        subprocess.run([base, "-m", "venv", str(HOME / name)], check=True)
    pip = [str(_interpreter(name)), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    for arguments in PEERS[name].installs:
        print(f"{name}: pip install {' '.join(arguments)}", flush=True)
        subprocess.run([*pip, *arguments], check=True)
    (HOME / name / "installed.txt").write_text(PEERS[name].note, encoding="utf-8")
    print(f"{name}: ready", flush=True)


def _base(name: str) -> str | None:
    """A Python on which the peer can be installed: this one, or the last that it runs on."""
    newest = PEERS[name].newest
    if newest is None or sys.version_info[:2] <= newest:
        return sys.executable
    return shutil.which(f"python{_dotted(newest)}")


def _dotted(version: tuple[int, int] | None) -> str:
    return ".".join(map(str, version or ()))


def _interpreter(name: str) -> Path:
    folder = "Scripts" if os.name == "nt" else "bin"
    return HOME / name / folder / "python"


def main(names: list[str]) -> int:
    """Install the named peers, or all; what fails is named and the others go on."""
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; choose among {', '.join(PEERS)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names or PEERS:
        try:
            install(name)
        except subprocess.CalledProcessError as error:
            print(f"{name}: pip failed with exit code {error.returncode}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
