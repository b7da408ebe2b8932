"""``shopgym watch``: a shop that is open, in the browser."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InvalidInput
from .console import AsJson, say

DEFAULT = "online_retail"


def watch(
    config: Annotated[
        Path | None,
        typer.Argument(
            help=f"experiment config, YAML, or the name of a shipped one or a profile; default {DEFAULT}"
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="folder of a finished run: watch the policies that it trained")
    ] = None,
    visitors: Annotated[int, typer.Option(help="visits at a time")] = 6,
    seed: Annotated[int | None, typer.Option(help="of the season, in place of the config's")] = None,
    port: Annotated[
        int, typer.Option(help="port to listen on, on this machine only; 0 takes a free one")
    ] = 8010,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="a further name by which the page may be called; may be repeated")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="open the page in a browser")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a shop live in the browser, and intervene: other policies, stockouts, promotions.

    Policies that need no training are there at once. With --run one watches what a run has trained.
    """
    if run is not None and config is not None:
        raise InvalidInput("CONFIG", str(config), "leave it out: --run has a config of its own")
    try:
        from ..experiments.watch.server import open_listener, serve_watch
    except ModuleNotFoundError as error:
        fix = f"{error.name} is not installed: pip install 'shopgym[serve]'"
        raise InvalidInput("watch", error.name, fix) from error
    from ..experiments.watch.session import WatchSession
    from ..experiments.watch.watched_shop import watched_config, watched_run

    with open_listener(port) as listener:  # before anything that takes time
        shop = watched_config(config or Path(DEFAULT), seed) if run is None else watched_run(run, seed)
        session = WatchSession(shop, visitors=visitors)

        def announce(url: str) -> None:
            if as_json:
                said = {"url": url, "name": shop.name, "policies": list(shop.policies)}
                print(json.dumps(said), flush=True)
            else:
                say(f"the shop of {shop.name} is open at {url} (Ctrl-C ends it)")
            if browser:
                webbrowser.open(url)

        serve_watch(session, listener, allow_hosts=allow_host or (), announce=announce)
