"""The command line. Commands import what they need when they run, so that help is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from .._version import __version__
from ..core.errors import InvalidInput
from .abtest import abtest_analyse, abtest_plan, abtest_run
from .agents import agents
from .bundle import bundle_inspect, bundle_verify
from .calibrate import calibrate
from .config import config_check, config_schema
from .evaluate import evaluate
from .export import export
from .ingest import ingest
from .log import log_compact
from .once import OnceCommand, OnceGroup
from .ope_benchmark import ope_benchmark
from .realism import realism
from .reward import reward_lint
from .reward_audit import reward_audit, reward_frontier
from .reward_scene import reward_scene
from .run import run
from .runs import runs_compare, runs_list, runs_mlflow, runs_report, runs_rm
from .serve import serve
from .watch import watch

app = typer.Typer(
    name="shopgym",
    help="A shop you can experiment on before you experiment on your customers.",
    epilog="Researchers start with 'run', data scientists with 'evaluate', engineers with 'export'.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    cls=OnceGroup,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"shopgym {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """A shop you can experiment on before you experiment on your customers."""


for command in (run, watch, evaluate, export, serve, realism, ingest, calibrate, ope_benchmark, agents):
    app.command(cls=OnceCommand)(command)
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "bundle": ("Show or verify a bundle.", {"verify": bundle_verify, "inspect": bundle_inspect}),
    "config": (
        "Print the schema of a config, or check one.",
        {"schema": config_schema, "check": config_check},
    ),
    "reward": (
        "Check a reward before anything is trained on it.",
        {
            "lint": reward_lint,
            "audit": reward_audit,
            "frontier": reward_frontier,
            "scene": reward_scene,
        },
    ),
    "runs": (
        "List, compare, show or delete runs, or write them to MLflow.",
        {
            "list": runs_list,
            "compare": runs_compare,
            "report": runs_report,
            "mlflow": runs_mlflow,
            "rm": runs_rm,
        },
    ),
    "abtest": (
        "Plan, analyse or run an online test.",
        {"plan": abtest_plan, "analyse": abtest_analyse, "run": abtest_run},
    ),
    "log": ("Work with decision logs.", {"compact": log_compact}),
}
for name, (text, commands) in GROUPS.items():
    group = typer.Typer(no_args_is_help=True, help=text, cls=OnceGroup)
    for word, function in commands.items():
        group.command(word, cls=OnceCommand)(function)
    app.add_typer(group, name=name)


def main() -> None:
    """Run a command.

    Bad input, or a place that cannot be read or written, ends with one message on stderr and exit code 2.
    """
    try:
        app()
    except InvalidInput as error:
        print(f"shopgym: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader went away, as in '| head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        print(f"shopgym: {place}{error.strerror or error}: choose another place", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
