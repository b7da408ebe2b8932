"""Candidates that depend on the item last looked at alone: lists of what others looked at next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.core.types import I32
from shopgym.simulators import Catalog, Shop, ShopConfig, SurfaceConfig, SurfacesConfig
from shopgym.simulators.page.surfaces import PRODUCT

M, SIMILAR = 20, 0.4


def pages(catalog: Catalog, fixed: float, lanes: int = 3000) -> tuple[I32, I32]:
    """(anchor (n,), candidates (n, M)) of product pages of many visits."""
    product = SurfaceConfig(similar_share=SIMILAR, fixed=fixed)
    site = SurfacesConfig(enabled=True, product=product, channels=(0.0, 1.0, 0.0, 0.0))
    config = ShopConfig(users=500, slate_size=3, num_candidates=M, surfaces=site)
    shop = Shop(catalog, config, lanes=lanes, seed=4)
    shop.start_visits()
    assert (shop.visits.surface == PRODUCT).all()
    return shop.visits.anchor.copy(), shop.requests().candidates


@pytest.mark.parametrize("fixed", [0.0, 0.25, 0.6, 1.0])
def test_so_many_candidates_are_the_same_whenever_the_page_follows_the_same_item(
    catalog: Catalog, fixed: float
) -> None:
    anchor, candidates = pages(catalog, fixed)
    first = {}
    for item, row in zip(anchor.tolist(), candidates, strict=True):
        assert len(set(row.tolist())) == M
        first.setdefault(item, row)
    listed = np.stack([first[item] for item in anchor.tolist()])
    same = (candidates == listed)[
        np.array([row is not first[i] for i, row in zip(anchor.tolist(), candidates)])
    ]
    count = round(fixed * M)
    similar = round(SIMILAR * M)
    assert same[:, :count].all()
    if fixed:
        assert same[:, :similar].all()
    rest = same[:, max(count, similar if fixed else 0) :]
    assert rest.size == 0 or rest.mean() < 0.2


def test_a_fixed_list_is_drawn_like_any_other(catalog: Catalog) -> None:
    """Over items the popular part of the lists has the popularity of the catalogue, and stays similar."""
    anchor, candidates = pages(catalog, 1.0, lanes=6000)
    similar = round(SIMILAR * M)
    near = [set(catalog.neighbours[item, :64].tolist()) for item in anchor[:200].tolist()]
    assert all(
        set(row[:similar].tolist()) <= items for row, items in zip(candidates[:200], near, strict=True)
    )
    _, at = np.unique(anchor, return_index=True)
    popular = np.bincount(candidates[at][:, similar:18].ravel(), minlength=len(catalog))
    rank = np.argsort(np.argsort(popular)), np.argsort(np.argsort(catalog.items.popularity))
    assert np.corrcoef(*rank)[0, 1] > 0.6


def test_lists_differ_between_items_and_surfaces(catalog: Catalog) -> None:
    anchor, candidates = pages(catalog, 1.0)
    one, other = (candidates[np.flatnonzero(anchor == item)[0]] for item in np.unique(anchor)[:2])
    assert not np.array_equal(one, other)
    site = SurfacesConfig(
        enabled=True, channels=(1.0, 0.0, 0.0, 0.0), home=SurfaceConfig(similar_share=SIMILAR, fixed=1.0)
    )
    config = ShopConfig(users=500, slate_size=3, num_candidates=M, surfaces=site)
    shop = Shop(catalog, config, lanes=3000, seed=4)
    shop.start_visits()
    at_home = shop.requests().candidates
    both = set(anchor.tolist()) & set(shop.visits.anchor.tolist())
    item = min(both)
    here, there = at_home[shop.visits.anchor == item][0], candidates[anchor == item][0]
    assert not np.array_equal(here, there)


def test_off_by_default_and_bad_numbers_are_refused(catalog: Catalog) -> None:
    assert all(page.fixed == 0.0 for page in SurfacesConfig().pages)
    with pytest.raises(InvalidInput, match="fixed"):
        replace(SurfaceConfig(), fixed=1.5)
