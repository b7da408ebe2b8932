"""Which facts speak of which kind of shop, and why the others do not.

Decided by the kind of shop and the definition of the fact alone, never by whether a shop meets it. Where a
record of the kind itself and a published range over all kinds give the same measure, the record decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import InvalidInput, one_of
from .reference import Stylised, stylised_facts

KINDS = ("gift", "fashion", "grocery")
ALL = KINDS

MUSIC = "of a shop for music, none of the three kinds"
NO_KIND = "the kind of shop is not stated, and buyers are over-represented by the way it was collected"
WIDGET = (
    "the level of a box of three recommendations beside other pages; here the page itself is what is shown"
)
ONE_LINE = "counts events of shops whose orders hold one or two lines"
MARKETPLACE = "how often one comes to a marketplace says nothing of a single shop"
FOOD = "of general merchandise; food is hardly sent back"
BEAUTY = "of beauty products"
SPECIFIC = "the kind's own record gives the same measure"
CONTROL = "a randomised e-mail against none, over two weeks: the shop has no group without e-mails"
FILTERED = "of a sample filtered to items and users with five purchases or more"
RATINGS = "ratings of films, not of goods"
DISPLAYS = "needs displays and mailers, which the shop has not"
CATEGORY = "brands of orange juice within one category, chain weeks"
NOT_RECORDED = "discounts and coupons are not in the event table"
STORE = "an audit of shelves in shops; the web's own figure is pub_stockout_rate_online"
INVOICES = "counts invoices without a sale, which are no orders"
BOUNCES = "a mean of page bounce rates, which no event table holds"
MEASURED_SO = "a choice of products that is not known"


@dataclass(frozen=True)
class Rule:
    """Facts whose name begins with ``prefix`` speak of ``kinds``; ``why`` they do not speak of the others."""

    prefix: str
    kinds: tuple[str, ...]
    why: str


RULES = (
    Rule("retail_cancelled_invoice_share", (), INVOICES),
    Rule("retail_", ("gift",), "of a gift shop"),
    Rule("yoochoose_", ("gift",), "of a general store for toys, home, garden and more"),
    Rule("eshop_", ("fashion",), "of a shop for clothing"),
    Rule("obd_ctr_ratio", ("fashion",), "of a shop for fashion"),
    Rule("obd_", (), WIDGET),
    Rule("taobao_sessions_per_user", (), MARKETPLACE),
    Rule("taobao_bought_item", (), MARKETPLACE + "; of a sample filtered to five purchases or more"),
    Rule("taobao_item_gini_buys", (), FILTERED),
    Rule("taobao_", ("fashion",), "of a marketplace, most of all for clothing"),
    Rule("cj_lines_on_discount", (), NOT_RECORDED),
    Rule("cj_coupon", (), NOT_RECORDED),
    Rule("cj_price_elasticity_pooled", (), DISPLAYS),
    Rule("cj_price_elasticity_median", (), MEASURED_SO),
    Rule("cj_mailer_uplift", ("grocery",), "of a supermarket"),
    Rule("cj_", ("grocery",), "of a supermarket"),
    Rule("cdnow_", (), MUSIC),
    Rule("shoppers_bounce", (), BOUNCES),
    Rule("shoppers_", (), NO_KIND),
    Rule("hillstrom_", (), CONTROL),
    Rule("ml100k_", (), RATINGS),
    Rule("oj_", (), CATEGORY),
    Rule("pub_retailrocket_", ("fashion",), ONE_LINE),
    Rule("pub_rees46_", ("fashion",), ONE_LINE),
    Rule(
        "pub_online_return_rate", (), "gift and fashion have figures of their own; food is hardly sent back"
    ),
    Rule("pub_return_rate_apparel", ("fashion",), "of apparel"),
    Rule("pub_return_rate_beauty", (), BEAUTY),
    Rule("pub_stockout_rate_store", (), STORE),
    Rule("pub_stockout_rate_online", ("grocery",), "of consumer goods sold online by supermarkets"),
    Rule("pub_oos_", ("grocery",), "of supermarket shoppers"),
    Rule("pub_", ALL, ""),
)
"""The first rule that fits a name decides."""


def rule(name: str) -> Rule:
    """The rule of a fact."""
    for found in RULES:
        if name.startswith(found.prefix):
            return found
    raise InvalidInput("fact", name, "no rule says which kinds of shop it speaks of: add one to RULES")


def applies(name: str, kind: str) -> str:
    """ "" if the fact speaks of this kind of shop, else why not.

    Raises:
        InvalidInput: an unknown kind, or a fact without a rule.
    """
    one_of("profile", kind, KINDS)
    found = rule(name)
    return "" if kind in found.kinds else found.why


def applicable(kind: str) -> tuple[Stylised, ...]:
    """The measured facts that speak of this kind of shop; a record of the kind itself goes before ranges."""
    facts = [fact for fact in stylised_facts() if not applies(fact.name, kind)]
    own = {fact.measure for fact in facts if fact.data is not None}
    return tuple(fact for fact in facts if fact.data is not None or fact.measure not in own)
