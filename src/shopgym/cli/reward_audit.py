"""``shopgym reward audit`` and ``shopgym reward frontier``: agents that game a reward; what a number buys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InvalidInput
from .console import AsJson, print_table, progress_bar, require_no_input, say
from .reward import Discounts, Html, SpecFile, Tolerance, shares, show_report, whole_numbers

Shop = Annotated[Path, typer.Option("--shop", help="Config of an experiment, or a profile's name.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Of the shop; default: the config's.")]


def reward_audit(
    spec: SpecFile,
    shop: Shop,
    agents: Annotated[
        str, typer.Option(help="Agents that try to game it, weakest first.")
    ] = "linear_ranker,slateq,ppo",
    pages: Annotated[
        str, typer.Option(help="Pages that each learns from; it is looked at after each number.")
    ] = "10000,40000",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each agent.")] = 2,
    discounts: Discounts = "",
    tolerance: Tolerance = 0.05,
    visits: Annotated[int, typer.Option(min=16, help="Visits that judge a policy.")] = 2048,
    lives: Annotated[int, typer.Option(min=0, help="Lives that judge one where people come back.")] = 512,
    seed: Seed = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Let agents of rising strength learn a reward in a shop and see what the business gets: minutes.

    Each is also trained on the north star itself, with the same seeds. Exit codes as of 'reward lint'.
    """
    from ..experiments.reward_file import agents_beside, read_reward
    from ..experiments.reward_shop import read_shop
    from ..guardrails.reward.audit import audit
    from ..guardrails.reward.audit_report import audit_report
    from ..guardrails.reward.linted_shop import LintSize
    from ..guardrails.reward.trained import AuditedAgent

    require_no_input("--html", html, (spec, shop))
    budget = tuple(sorted(set(whole_numbers(pages, "--pages"))))
    names = [name.strip() for name in agents.split(",") if name.strip()]
    for name in (name for name in names if names.count(name) > 1):
        raise InvalidInput("--agents", name, "it stands there twice: name it once; --seeds trains it again")
    trainees = [AuditedAgent(name, budget) for name in names]
    with progress_bar("audit", quiet=as_json) as bar:
        audited = audit(
            read_reward(spec, agents_beside(shop)),
            read_shop(shop, shares(discounts), seed),
            trainees,
            size=LintSize(visits=visits, lives=lives),
            tolerance=tolerance,
            seeds=seeds,
            on_progress=bar,
        )
    show_report(audit_report(audited, pictures=html is not None), spec, html, as_json)


def reward_frontier(
    spec: SpecFile,
    shop: Shop,
    sweep: Annotated[str, typer.Option(help="A number of the reward: exchange.click=0..1.")],
    steps: Annotated[int, typer.Option(min=2, help="Values from one end to the other.")] = 11,
    discounts: Discounts = "",
    tolerance: Tolerance = 0.05,
    seed: Seed = None,
    png: Annotated[Path | None, typer.Option("--png", help="Draw the trade-off into this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a number of a reward buys and what it costs: the exact best pages from value to value."""
    from ..core.files import new_file
    from ..experiments.reward_file import agents_beside, read_reward
    from ..experiments.reward_shop import read_shop
    from ..guardrails.reward.frontier import Sweep, frontier, frontier_picture

    require_no_input("--png", png, (spec, shop))
    where = read_shop(shop, shares(discounts), seed)
    read = read_reward(spec, agents_beside(shop))
    audited = frontier(read, where, Sweep.read(sweep), steps=steps, tolerance=tolerance)
    if png is not None:
        with new_file(png) as file:
            file.write_bytes(frontier_picture(audited))
    if as_json:
        print(json.dumps(audited.as_dict()))
        return
    safe = set(audited.safe_values)
    rows = [
        {
            f"{audited.sweep.part}.{audited.sweep.term}": f"{point.value:g}",
            f"{audited.sweep.term} a page": f"{point.amount:.4g}",
            f"{audited.star} kept": f"{point.price.share.value:.1%}",
            "low": f"{point.price.share.low:.1%}",
            "high": f"{point.price.share.high:.1%}",
            "within the tolerance": "yes" if point.value in safe else "no",
        }
        for point in audited.points
    ]
    print_table("The frontier", rows)
    say(audited.sentence)
