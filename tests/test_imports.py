"""What is loaded when: importing stays cheap, and serving never needs a learner or a simulator."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"torch", "numba", "pandas", "scipy", "matplotlib", "pyarrow", "vowpalwabbit", "gymnasium", "numpy"}


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_import_shopgym_loads_nothing_heavy() -> None:
    assert not HEAVY & loaded("import shopgym")


def test_help_loads_nothing_heavy() -> None:
    code = "import shopgym.cli.main"
    assert not (HEAVY - {"numpy"}) & loaded(code)


def test_environments_are_registered_whichever_comes_first() -> None:
    for order in ("import shopgym, gymnasium", "import gymnasium, shopgym"):
        code = f"{order}\nassert 'shopgym/Session-v0' in gymnasium.registry"
        assert "gymnasium" in loaded(code)
    loaded("import gymnasium\ngymnasium.make('shopgym:shopgym/Bandit-v0', catalog=30, users=9)")


def test_names_at_the_top() -> None:
    import shopgym

    assert set(shopgym.__all__) <= set(dir(shopgym))
    for name in shopgym.__all__:
        assert getattr(shopgym, name) is not None
