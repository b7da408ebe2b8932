"""The responses that a user's own files give, best evidence first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from numpy.random import Generator

from ...simulators import Catalog
from ..shop_data import ShopData
from .email_trial import measure_email, read_email_trial
from .personalisation import measure_personalisation
from .price import measure_price
from .price_test import measure_price_test, read_price_test
from .promotions import measure_promotions, read_promotions
from .response import MeasuredResponses
from .stockouts import likely_stockouts, measure_stockouts, read_stockouts, similar_items


@dataclass(frozen=True)
class ResponseFiles:
    """Files of responses.

    Attributes:
        price_test: rows of item or user, arm, price, units, exposures: :mod:`.price_test`.
        email_trial: rows of customers, in Hillstrom's form: :mod:`.email_trial`.
        stockouts, promotions: item, from, to: :mod:`.spells`.
        from_records: whether the records themselves are asked too: price from order lines, strength of
            personalisation from visits, and stockouts guessed from spells without a sale.
    """

    price_test: Path | None = None
    email_trial: Path | None = None
    stockouts: Path | None = None
    promotions: Path | None = None
    from_records: bool = False


def measure_files(
    files: ResponseFiles, lines: pd.DataFrame, data: ShopData, catalog: Catalog, rng: Generator
) -> MeasuredResponses:
    """Every response that the files and the records give. Randomised evidence stands before observed.

    Args:
        files: what there is.
        lines: order lines: item, time (s), quantity, price.
        data: the records, with visits if there are any.
        catalog: of the same items, whose nearest ones count as similar.
        rng: of all bootstraps.

    Raises:
        InvalidInput: a file cannot be read.
    """
    responses = MeasuredResponses()
    if files.price_test is not None:
        responses += measure_price_test(read_price_test(files.price_test), rng)
    if files.email_trial is not None:
        responses += measure_email(read_email_trial(files.email_trial))
    if files.promotions is not None:
        responses += measure_promotions(lines, read_promotions(files.promotions), rng)
    elif files.from_records:
        responses += measure_price(lines, rng)
    if files.stockouts is not None:
        responses += measure_stockouts(lines, read_stockouts(files.stockouts), similar_items(catalog), rng)
    elif files.from_records:
        spells = likely_stockouts(lines)
        responses += measure_stockouts(lines, spells, similar_items(catalog), rng, guessed=True)
    if files.from_records:
        responses += measure_personalisation(data, rng)
    return responses
