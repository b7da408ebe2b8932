"""The scenes by name, and how one is read from its config."""

from __future__ import annotations

from pathlib import Path

from ....core.config import build
from ....core.errors import InvalidInput, did_you_mean, one_of
from ....core.yaml_file import read_yaml
from .capacity import CapacityScene
from .choc_kale import ChocKaleScene
from .discount import DiscountScene
from .goodhart import GoodhartScene
from .last_click import LastClickScene
from .lives import LivesScene
from .scene import SceneConfig

SCENES: dict[str, type[SceneConfig]] = {
    "discount": DiscountScene,
    "lives": LivesScene,
    "choc_kale": ChocKaleScene,
    "goodhart": GoodhartScene,
    "capacity": CapacityScene,
    "last_click": LastClickScene,
}


def read_scene(path: Path) -> SceneConfig:
    """The scene of a YAML file, or the shipped one of that name.

    Raises:
        InvalidInput: there is neither, ``scene`` names none, or a setting is unknown or out of range.
    """
    if not path.exists():
        if path.parent != Path() or path.name not in SCENES:
            fix = f"there is no such file, nor a shipped scene: {', '.join(SCENES)}"
            raise InvalidInput("scene", str(path), fix + did_you_mean(path.name, SCENES))
        path = Path(__file__).parent / f"{path.name}.yaml"
    raw = read_yaml(path)
    name = raw.get("scene")
    one_of("scene", name, SCENES)
    return build(SCENES[str(name)], raw)
