"""The lint of the reward in the shop of a run, and what the best pages for clicks alone would cost."""

from __future__ import annotations

from ...core.errors import InvalidInput
from ...guardrails.reward.exact_terms import exact_weights
from ...guardrails.reward.findings import NOT_LINTED, LintReport
from ...guardrails.reward.linted_shop import LintedShop, LintSize
from ...guardrails.reward.price import ProxyPrice, page_price
from ...guardrails.reward.shop_report import exact_lint
from ..reward_shop import shop_of
from .context import RunContext


def lint_reward(context: RunContext, size: LintSize) -> LintReport:
    """The exact lint of the reward in this shop; a refusal is reported as not linted, with the reason."""
    bar = context.progress.add_task("lint the reward", total=1)
    try:
        return exact_lint(context.reward, _linted_shop(context), size=size, pictures=True)
    except InvalidInput as refusal:
        return LintReport((), NOT_LINTED, str(refusal), context.reward.star.name, context.reward.spec())
    finally:
        context.progress.advance(bar)


def price_of_clicks(context: RunContext, lint: LintReport, size: LintSize) -> ProxyPrice | None:
    """What the best pages for clicks alone cost; None if nothing is linted, or if clicks are the reward."""
    star = exact_weights(context.reward.star_weights)
    if lint.verdict == NOT_LINTED or not star or context.reward.weights.keys() == {"click"}:
        return None
    means, _ = _linted_shop(context).first_pages(size.pages)
    return page_price(means, {"click": 1.0}, star)


def _linted_shop(context: RunContext) -> LintedShop:
    return shop_of(context.config, context.catalog, context.seed("population"))
