"""Which facts apply to which kind of shop, and why the others do not.

The kind of shop and the definition of the fact decide, never whether a shop meets the fact. If a record of
the kind itself and a published range over all kinds give the same measure, the record is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import InvalidInput, one_of
from .reference import StylisedFact, stylised_facts
from .sources import HELD_OUT

KINDS = ("gift", "fashion", "grocery")

MUSIC = "of a shop for music, none of the three kinds"
NO_KIND = "the kind of shop is not stated, and the way of collecting it gives too many buyers"
WIDGET = "the level of a box with three recommendations on a larger page; here the slate is the page"
ONE_LINE = "counts events of shops whose orders hold one or two lines"
MARKETPLACE = "how often people visit a marketplace says nothing about a single shop"
BEAUTY = "of beauty products"
SPECIFIC = "the kind's own record gives the same measure"


@dataclass(frozen=True)
class Rule:
    """Facts whose names begin with ``prefix`` apply to ``kinds``; ``why`` they do not apply to the others."""

    prefix: str
    kinds: tuple[str, ...]
    why: str


RULES = (
    Rule("retail_", ("gift",), "of a gift shop"),
    Rule("yoochoose_", ("gift",), "of a general store for toys, home, garden and more"),
    Rule("eshop_", ("fashion",), "of a shop for clothing"),
    Rule("obd_ctr_ratio", ("fashion",), "of a shop for fashion"),
    Rule("obd_", (), WIDGET),
    Rule("taobao_sessions_per_user", (), MARKETPLACE),
    Rule("taobao_", ("fashion",), "of a marketplace, most of all for clothing"),
    Rule("cj_", ("grocery",), "of a supermarket"),
    Rule("cdnow_", (), MUSIC),
    Rule("shoppers_", (), NO_KIND),
    Rule("pub_retailrocket_", ("fashion",), ONE_LINE),
    Rule("pub_rees46_", ("fashion",), ONE_LINE),
    Rule("pub_online_return_rate", (), "gift and fashion have their own figures; food is hardly returned"),
    Rule("pub_return_rate_apparel", ("fashion",), "of apparel"),
    Rule("pub_return_rate_beauty", (), BEAUTY),
    Rule("pub_stockout_rate_online", ("grocery",), "of consumer goods sold online by supermarkets"),
    Rule("pub_oos_", ("grocery",), "of supermarket shoppers"),
    Rule("pub_", KINDS, ""),
)
"""The first rule whose prefix fits the name decides."""


def rule(name: str) -> Rule:
    """The rule of a fact."""
    for candidate in RULES:
        if name.startswith(candidate.prefix):
            return candidate
    raise InvalidInput("fact", name, "no rule says which kinds of shop it applies to: add one to RULES")


def why_not_applicable(name: str, kind: str) -> str:
    """Why the fact does not apply to this kind of shop; "" if it applies.

    Raises:
        InvalidInput: an unknown kind, or a fact without a rule.
    """
    one_of("profile", kind, KINDS)
    decisive = rule(name)
    return "" if kind in decisive.kinds else decisive.why


FIT, JUDGE = "fit", "judge"
HALVES = (FIT, JUDGE)
JUDGING: dict[str, float | None] = {
    "online_retail_later": 1.0 - HELD_OUT,
    "complete_journey_later": 1.0 - HELD_OUT,
    "yoochoose_later": None,
    "taobao_later": None,
}
"""The records that profiles are judged on and that no parameter is fitted to; each with the share of the
season after which the shop is watched for it (None: all of it).

The parting is by data set, never by fact. Judged are the later parts of records: the last 30% of the days of
Online Retail and of Complete Journey, the later file of YooChoose and the last three of Taobao's nine days.
They give measures that the fitting half does not have of these records. Hours and weekdays are not among
them, because a profile takes these from the whole record. All other facts and the effect sizes are of the
fitting half, also those that a mechanism has a parameter for: returning visitors, searches, the next item,
Christmas goods.
"""


def half_of(fact: StylisedFact) -> str:
    """``fit`` or ``judge``: whether parameters may be fitted to the fact."""
    return JUDGE if fact.data in JUDGING else FIT


def applicable_facts(kind: str, half: str | None = None) -> tuple[StylisedFact, ...]:
    """The facts that apply to this kind of shop. A record of the kind itself replaces a published range.

    Args:
        kind: of shop.
        half: ``fit`` or ``judge``; None: both.
    """
    if half is not None:
        one_of("half", half, HALVES)
    facts = [fact for fact in stylised_facts() if not why_not_applicable(fact.name, kind)]
    recorded = {fact.measure for fact in facts if fact.data is not None and half_of(fact) == FIT}
    return tuple(
        fact
        for fact in facts
        if half in (None, half_of(fact)) and (fact.data is not None or fact.measure not in recorded)
    )
