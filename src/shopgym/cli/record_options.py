"""The options of commands that read a shop's records, each with its help."""

from __future__ import annotations

from typing import Annotated

import typer

from .evaluate.options import Decimal, Encoding, Separator, Thousands

__all__ = [
    "Column",
    "Currency",
    "DayFirst",
    "Decimal",
    "Encoding",
    "Guest",
    "ItemPattern",
    "MappingName",
    "MinOrders",
    "PriceUnit",
    "Separator",
    "Thousands",
    "TimeZone",
    "columns_of",
]
READING = "How the records are read"

MappingName = Annotated[
    str | None,
    typer.Option(
        "--mapping",
        help="A shipped mapping (shopify, woocommerce, ga4, ...), the YAML file of one, or 'plain'; else "
        "that which fits the header.",
        rich_help_panel=READING,
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option(help="OURS=YOURS, one column; may be repeated.", rich_help_panel=READING),
]
DayFirst = Annotated[
    bool | None,
    typer.Option(
        "--day-first/--month-first",
        help="The order in dates such as 03/04/2024, where no row settles it.",
        rich_help_panel=READING,
    ),
]
TimeZone = Annotated[
    str | None,
    typer.Option(help="Of the shop, e.g. Europe/Paris, for times in UTC.", rich_help_panel=READING),
]
Currency = Annotated[
    str | None,
    typer.Option(help="The one whose lines are used, e.g. EUR.", rich_help_panel=READING),
]
PriceUnit = Annotated[
    float | None,
    typer.Option(help="0.01 where prices are in cents, else 1.", rich_help_panel=READING),
]
Guest = Annotated[
    list[str] | None,
    typer.Option(
        help="A customer that stands for everybody without an account; may be repeated.",
        rich_help_panel=READING,
    ),
]
ItemPattern = Annotated[
    str | None,
    typer.Option(
        help="What the id of goods looks like (regular expression); others are set aside.",
        rich_help_panel=READING,
    ),
]
MinOrders = Annotated[
    int, typer.Option(min=1, help="Items in fewer orders are set aside.", rich_help_panel=READING)
]


def columns_of(pairs: list[str] | None) -> dict[str, str]:
    """The mapping of columns that ``--column OURS=YOURS`` says.

    Raises:
        InvalidInput: there is no name on one side.
    """
    from ..core.errors import InvalidInput

    columns = {}
    for pair in pairs or ():
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise InvalidInput("--column", pair, "write OURS=YOURS, e.g. order=InvoiceNo")
        columns[ours] = theirs
    return columns
