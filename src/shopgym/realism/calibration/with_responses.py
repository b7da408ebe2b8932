"""A calibrated shop that has the responses measured from data, with what they were before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ..responses.response import Response, UnmeasuredResponse
from .from_lines import UnidentifiedParameter
from .from_responses import BOOST, from_responses, response_table
from .work import FittedShop


def with_responses(
    fit: FittedShop,
    responses: Sequence[Response],
    unmeasured: Sequence[UnmeasuredResponse] = (),
    *,
    seed: int,
) -> tuple[FittedShop, pd.DataFrame]:
    """The shop with these responses, and the table of :func:`.from_responses.response_table`.

    What a response says of a parameter replaces what the fit to facts said of it. A boost is reported; the
    config that is written has no campaigns.

    Args:
        fit: of the facts.
        responses: measured from data.
        unmeasured: responses that the data do not identify: they are listed with the reason.
        seed: of the simulated visitors.
    """
    before = fit.shop
    fitted, unidentified = from_responses(
        responses, before.catalog, before.config, seed=seed, behaviour=before.behaviour
    )
    values = {parameter.name: parameter.value for parameter in fitted if parameter.name != BOOST}
    after = before.with_values(values) if values else before
    names = {parameter.name for parameter in fitted}
    unidentified += [UnidentifiedParameter(one.name, one.why) for one in unmeasured]
    again = {one.name for one in unidentified}
    result = replace(
        fit,
        shop=after,
        fitted=(*(p for p in fit.fitted if p.name not in names), *fitted),
        unidentified=(*(p for p in fit.unidentified if p.name not in names | again), *unidentified),
    )
    boost = next((parameter.value for parameter in fitted if parameter.name == BOOST), None)
    table = response_table(
        responses,
        before.catalog,
        before.config,
        after.config,
        seed=seed,
        behaviour=before.behaviour,
        boost=boost,
    )
    return result, table
