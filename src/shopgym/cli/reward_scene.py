"""``shopgym reward scene``: a known scene of reward design, measured again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .console import AsJson, print_table, progress_bar, say


def reward_scene(
    scene: Annotated[
        Path,
        typer.Argument(
            help="discount, lives, choc_kale, goodhart, capacity or last_click; or a YAML file like theirs."
        ),
    ],
    png: Annotated[Path | None, typer.Option("--png", help="Draw the figure into this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a known scene of reward design: rewards that were gamed, and what shows it."""
    from ..core.files import new_file
    from ..evaluation.figures import png_of
    from ..experiments.studies.reward_scenes.registry import read_scene

    config = read_scene(scene)
    with progress_bar(config.scene, quiet=as_json) as bar:
        measured = config.run(bar)
    if png is not None:
        with new_file(png) as file:
            file.write_bytes(png_of(measured.figure))
    if as_json:
        print(json.dumps(measured.as_dict()))
        return
    print_table(
        measured.title, [{name: _text(value) for name, value in row.items()} for row in measured.rows]
    )
    for sentence in measured.sentences:
        say(sentence)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
