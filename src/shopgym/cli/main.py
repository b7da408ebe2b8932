"""The command line. Commands import what they need when they run, so that help is quick."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .._version import __version__
from ..core.errors import InvalidInput
from .bundle import bundle_inspect, bundle_verify
from .calibrate import calibrate
from .config import config_check, config_schema
from .evaluate import evaluate
from .export import export
from .log import log_compact
from .ope_benchmark import ope_benchmark
from .realism import realism
from .run import run
from .serve import serve

app = typer.Typer(
    name="shopgym",
    help="A shop you can experiment on before you experiment on your customers.",
    epilog="Researchers start with 'run', data scientists with 'evaluate', engineers with 'export'.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
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


app.command()(run)
app.command()(evaluate)
app.command()(export)
app.command()(serve)
app.command()(realism)
app.command()(calibrate)
app.command()(ope_benchmark)

bundles = typer.Typer(no_args_is_help=True, help="Look into a bundle, or check it.")
bundles.command("verify")(bundle_verify)
bundles.command("inspect")(bundle_inspect)
app.add_typer(bundles, name="bundle")

configs = typer.Typer(no_args_is_help=True, help="Say what a config may say, or check one.")
configs.command("schema")(config_schema)
configs.command("check")(config_check)
app.add_typer(configs, name="config")

logs = typer.Typer(no_args_is_help=True, help="Work with decision logs.")
logs.command("compact")(log_compact)
app.add_typer(logs, name="log")


def main() -> None:
    """Run a command; bad input ends with one message on stderr and exit code 2."""
    try:
        app()
    except InvalidInput as error:
        print(f"shopgym: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader went away, as in '| head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
