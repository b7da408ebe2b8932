"""Register the environments with Gymnasium whichever of the two is imported first.

``import shopgym`` must stay cheap and the server must never load Gymnasium, so shopgym does not
import it. Gymnasium has no plug-in hook, so a finder waits for its import instead.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

from ._tasks import TASKS


class _ThenRegister(Loader):
    """Runs Gymnasium's own loader, then registers."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        _register()


class _WaitForGymnasium(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "gymnasium":
            return None
        sys.meta_path.remove(self)
        spec = find_spec("gymnasium")
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenRegister(spec.loader)
        return spec


def _register() -> None:
    from gymnasium.envs.registration import register, registry

    for name in ("Bandit", "Session", "Shopper", "Season"):
        env_id = f"shopgym/{name}-v0"
        if env_id not in registry:
            register(
                env_id,
                entry_point=f"shopgym.envs:{name}Env",
                vector_entry_point=f"shopgym.envs:{name}VectorEnv",
            )
    for task_id in TASKS:
        if task_id not in registry:
            register(
                task_id,
                entry_point="shopgym.envs.tasks:make_single",
                vector_entry_point="shopgym.envs.tasks:make_vector",
                kwargs={"task_id": task_id},
            )


def register_when_gymnasium_loads() -> None:
    """Register now if Gymnasium is loaded, else as soon as it is."""
    if "gymnasium" in sys.modules:
        _register()
    elif not any(isinstance(finder, _WaitForGymnasium) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WaitForGymnasium())
