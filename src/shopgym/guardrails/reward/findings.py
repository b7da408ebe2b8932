"""What a lint of a reward can find: a table of codes, each with its severity, a sentence and a remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...core.errors import one_of

ERROR, WARNING = "error", "warning"
ALIGNED = "aligned"
ALIGNED_UP_TO = "aligned up to the pressure that is used"
FAULTY = "faulty"
GAMEABLE = "gameable"
BAD_SPEC = "bad spec"
NOT_TOLD = "not told"
NOT_LINTED = "not linted"
EXIT_CODES: Mapping[str, int] = {
    **{ALIGNED: 0, ALIGNED_UP_TO: 0, FAULTY: 3, GAMEABLE: 3, NOT_TOLD: 3},
    **{BAD_SPEC: 2, NOT_LINTED: 2},
}
"""Verdict → exit code, for anyone's CI. ``faulty``: an error of the table of codes. ``not told``: nothing is
wrong with the reward as far as is known, but the shop or the log does not tell. ``not linted``: the shop
knows too little of the reward."""


@dataclass(frozen=True)
class Code:
    """One kind of finding.

    Attributes:
        severity: ``error`` or ``warning``.
        sentence: what is wrong; the names in braces are filled in by :meth:`Finding.make`.
        remedy: what to do about it.
    """

    severity: str
    sentence: str
    remedy: str


CODES: Mapping[str, Code] = {
    "north_star_missing": Code(
        ERROR,
        "The north star is {star}, but the reward does not pay for {term}: an agent does not look for it.",
        "Give {term} a positive weight, or name as north star what you really want.",
    ),
    "north_star_negative": Code(
        ERROR,
        "The north star wants {wanted} {term}, but the reward weighs it with {weight:g}: an agent {does} it.",
        "Give {term} a {sign} weight, as in the north star.",
    ),
    "north_star_cost_uncharged": Code(
        WARNING,
        "The north star subtracts {term}, but the reward does not: an agent may cause any amount of it.",
        "Add {term} with a negative weight.",
    ),
    "cost_rewarded": Code(
        ERROR,
        "{term} is a cost, but the reward weighs it with {weight:g}: an agent is paid for causing it.",
        "Give {term} a negative weight. Amounts of costs are positive; the sign is the weight's.",
    ),
    "counted_twice": Code(
        ERROR,
        "{first} and {second} count the same money twice: {why}.",
        "Keep one of the two: {first} or {second}.",
    ),
    "discount_charged_twice": Code(
        WARNING,
        "{term} is what is left after discounts, and discount_cost is charged too: a discount costs twice.",
        "Leave discount_cost out, or limit it in costs: 'discount_cost <= 0.05 per revenue'.",
    ),
    "rate_not_positive": Code(
        ERROR,
        "The exchange rate of {term} is {rate:g}: a rate below or at 0 turns the sign of its weight.",
        "Give what one unit is worth, above 0, and say with the weight whether it is good or bad.",
    ),
    "good_punished": Code(
        WARNING,
        "{term} is something good, but the reward weighs it with {weight:g}: an agent avoids it.",
        "Give {term} a positive weight, or limit it in costs if too much of it is bad.",
    ),
    "weight_zero": Code(
        WARNING,
        "{term} has the weight 0: it changes nothing.",
        "Leave it out, or give it a weight. All terms are reported whatever their weight.",
    ),
    "only_proxies": Code(
        WARNING,
        "The reward pays for nothing but {terms}. That only stands for sales: an agent can get more of it "
        "and sell less.",
        "Add what the shop lives on, such as margin, with an exchange rate for the rest.",
    ),
    "dwell_rewarded": Code(
        WARNING,
        "Time on a page is rewarded: an agent may show what is long to look at, and not what is wanted.",
        "Pay for what time leads to, or limit dwell in costs.",
    ),
    "exposure_rewarded": Code(
        WARNING,
        "{term} counts what the shop shows and not what visitors do: an agent earns it with any page.",
        "Leave it out, and use it in costs to count by.",
    ),
    "limit_never_binds": Code(
        WARNING,
        "The limit {limit} is met by every policy.",
        "Tighten it, or leave it out.",
    ),
    "limit_allows_nothing": Code(
        WARNING,
        "The limit {limit} is met only by a policy that never causes any of it.",
        "Allow as much as you can live with: with a limit of 0 one chance event decides.",
    ),
    "losses_clipped": Code(
        WARNING,
        "Losses of {term} are cut off at 0: a sale below cost costs an agent nothing.",
        "Set the lower end of reward.clip.{term} below 0.",
    ),
    "limit_impossible": Code(
        ERROR,
        "No page of this shop meets the limit {limit}: the best pages for it reach {reached:.4g}.",
        "Loosen it at least to that, or change the shop.",
    ),
    "clip_binds": Code(
        WARNING,
        "The bounds of clip cut {cut:.1%} off {term} on random pages; pages were judged without bounds.",
        "Widen the bounds, or run 'shopgym reward audit': it trains on the bounded reward.",
    ),
    "clip_decides": Code(
        ERROR,
        "The bounds of clip cut {cut:.0%} off {term} on random pages: the bounded reward is another one, and "
        "it was not judged here.",
        "Widen the bounds, or run 'shopgym reward audit': it trains on the bounded reward.",
    ),
    "horizon_not_tested": Code(
        WARNING,
        "The north star counts over {horizon:g} days, but {episodes} were judged by themselves: no customer "
        "was followed so long.",
        "Check it over lives: --shop with people.enabled, and --lives above 0.",
    ),
    "north_star_constant": Code(
        ERROR,
        "{star} is the same whatever is shown: no reward is better for it than another.",
        "Name a north star that depends on what is shown.",
    ),
    "horizon_unseen": Code(
        WARNING,
        "The north star wants {term}, which is known only when customers come back, and the reward has no "
        "such term.",
        "Add {term}, or train on whole lives and read the north star beside the reward.",
    ),
    # from a log
    "gameable_on_log": Code(
        ERROR,
        "On the log, pages chosen by a model of the reward earn {share:.0%} of the {star} of pages chosen by "
        "a model of the {star} ({low:.0%} to {high:.0%}, at pressure {pressure:g}).",
        "Pay for {star} itself, or charge or limit in costs what is given away.",
    ),
    "log_does_not_tell": Code(
        ERROR,
        "The log does not tell at any pressure: {why}.",
        "Explore more, or log more decisions; or check the reward in a shop with --shop.",
    ),
    "log_cannot_exclude": Code(
        WARNING,
        "At pressure {pressure:g} the log cannot exclude that only {low:.0%} of the {star} is kept.",
        "Log more decisions, or check the reward in a shop with --shop.",
    ),
    "log_tells_up_to": Code(
        WARNING,
        "The log tells nothing beyond pressure {pressure:g}: a policy that goes further is not covered.",
        "Explore more, or check the reward in a shop with --shop.",
    ),
    # with a shop
    "gamed_by": Code(
        ERROR,
        "{agent}, paid by this reward for {pages:,} pages, earns {share:.0%} of the {star} that it earns "
        "when the {star} itself pays it ({low:.0%} to {high:.0%}, per {episode}): {does}.",
        "Pay for {star} itself, or charge or limit in costs what is given away.",
    ),
    "gameable": Code(
        ERROR,
        "The pages that are best for the reward earn {share:.0%} of the {star} that they could ({low:.0%} to "
        "{high:.0%}, per {episode}): {does}.",
        "Pay for {star} itself, or charge or limit in costs what is given away{stop}.",
    ),
    "short_sighted": Code(
        WARNING,
        "Optimised page by page, as a bandit does, the reward earns {share:.0%} of the {star} that it could "
        "({low:.0%} to {high:.0%}, per {episode}).",
        "Train on whole visits or lives, or pay for what brings people back.",
    ),
    "few_episodes": Code(
        WARNING,
        "Per {episode} nothing is told: a few large orders make nearly all of the {star}.",
        "Look at more of them: --visits, --lives.",
    ),
    "not_judged": Code(
        ERROR,
        "Nothing can be told of the reward: a few large orders make nearly all of the {star}.",
        "Look at more pages, visits and lives.",
    ),
    "nothing_to_earn": Code(
        ERROR,
        "No page of this shop earns any {star}: its best is {best:.4g} per {episode}.",
        "Check the prices, costs and guards of the shop, or the signs of the north star.",
    ),
    "no_variance": Code(
        ERROR,
        "The reward is the same whatever is shown: an agent can learn nothing from it.",
        "Pay for something that depends on what is shown.",
    ),
    "term_never_varies": Code(
        WARNING,
        "{term} is the same on every page of this shop: it does nothing in the reward.",
        "Switch on what it measures in the shop's config, or leave it out.",
    ),
    "one_term_dominates": Code(
        WARNING,
        "{term} makes {variance:.0%} of the variance of the reward: the other terms hardly count.",
        "Leave the others out, or give them the weight that you mean.",
    ),
    "sells_below_cost": Code(
        WARNING,
        "Discounts of up to {discount:.0%} can sell below cost here, and {pages:.0%} of the best pages "
        "for the reward do.",
        "Set shop.allow_losses to false, lower the discounts, or charge discount_cost.",
    ),
    "returns_not_charged": Code(
        WARNING,
        "Goods come back in this shop and cost {share:.0%} of the margin, but the reward charges no "
        "return_cost.",
        "Add return_cost (or expected_return_cost) with a negative weight.",
    ),
    "rate_far_from_shop": Code(
        WARNING,
        "One {unit} counts {rate:.4g} in the reward; in this shop {own:.4g} {star} come with one.",
        "Set the exchange rate near {own:.4g}, or say why one {unit} is worth {factor:.2g} times that.",
    ),
    "probe_preferred": Code(
        WARNING,
        "The reward likes the page '{probe}' as much as the best pages for the north star, or more "
        "({proxy:.2f} of theirs); it earns {share:.0%} of their {star}.",
        "Charge what makes such pages bad, or forbid them with a guard or a limit.",
    ),
    "not_exact": Code(
        WARNING,
        "No page can be ranked exactly by {terms}: this part of the reward was not attacked.",
        "Run 'shopgym reward audit': it trains agents on the whole reward.",
    ),
}
"""Code → severity, sentence, remedy."""
GAMED = frozenset({"gameable", "gamed_by", "gameable_on_log"})
"""Codes that make a reward gameable."""
UNTOLD = frozenset({"not_judged", "clip_decides", "log_does_not_tell"})
"""Errors that say nothing against the reward: it could not be judged."""


@dataclass(frozen=True)
class Finding:
    """One thing that a lint found.

    Attributes:
        code: a key of :data:`CODES`.
        severity: ``error`` or ``warning``.
        message: what is wrong, in words.
        remedy: what to do about it.
    """

    code: str
    severity: str
    message: str
    remedy: str

    @classmethod
    def make(cls, code: str, **words: Any) -> Finding:
        """The finding of this code, with ``words`` filled into its sentence and remedy."""
        one_of("code", code, CODES)
        entry = CODES[code]
        return cls(code, entry.severity, entry.sentence.format(**words), entry.remedy.format(**words))


def verdict_of(findings: Sequence[Finding], otherwise: str) -> str:
    """The verdict that the errors among ``findings`` make, and ``otherwise`` where there is none."""
    errors = {finding.code for finding in findings if finding.severity == ERROR}
    if errors & GAMED:
        return GAMEABLE
    if not errors:
        return otherwise
    return NOT_TOLD if errors <= UNTOLD else FAULTY


@dataclass(frozen=True)
class LintReport:
    """What a lint says of a reward.

    Attributes:
        findings: errors first.
        verdict: a key of :data:`EXIT_CODES`.
        headline: the verdict in one sentence.
        north_star: what the business wants, in words.
        spec: the reward, as JSON says it.
        tables: further results by title, each a list of rows with the same keys.
        pictures: PNG files by title.
        data: further results that are no table, as JSON says them.
        sections: further parts of the page by title, as HTML.
        name: of the reward, e.g. its file.
    """

    findings: tuple[Finding, ...]
    verdict: str
    headline: str
    north_star: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    @property
    def exit_code(self) -> int:
        """0 aligned, 3 an error of the table or gameable, 2 a spec that cannot be read."""
        return EXIT_CODES[self.verdict]

    def summary(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "headline": self.headline,
            "north_star": self.north_star,
            "findings": [asdict(finding) for finding in self.findings],
            "spec": dict(self.spec),
            "tables": {title: [dict(row) for row in rows] for title, rows in self.tables.items()},
            **({"data": dict(self.data)} if self.data else {}),
        }

    def html(self) -> str:
        """One page that needs no other file."""
        from .page import lint_page

        return lint_page(self)
