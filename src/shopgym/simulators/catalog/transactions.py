"""A catalogue from a shop's own order lines: clean, add up, factorise, group."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.random import Generator, Philox
from scipy import sparse
from scipy.cluster.vq import kmeans2
from scipy.sparse.linalg import LinearOperator, svds

from ...core import InvalidInput
from ...core.types import F32, F64, I32, I64, AnyArray
from ...tables.records import (
    ItemTable,
    OrderLines,
    RecordOptions,
    coverage_words,
    read_items,
    read_order_lines,
)
from .catalog import LATENT, OBSERVED, UNITS_CAP, Catalog, unit_rows
from .synthetic import MARGIN_RATES, assumed_margin_rates, assumed_quality, default_categories

UNSOLD_ORDERS, NEW_SPREAD = 0.5, 0.5
"""Orders that an item without sales counts as bought in, and its distance from the taste of its category."""
FILLERS = re.compile(
    "the|and|with|for|set|pack|assorted|design|vintage|small|medium|large|mini|red|blue|green|pink|white|"
    "black|cream|ivory|silver|gold|brown|grey|yellow|orange|purple|turquoise|lilac"
)
"""English words that do not say what a thing is. In other languages only rarity is used."""


def clean(
    df: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    item_pattern: str | None = None,
    min_orders: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(order lines that can be used, rows that are set aside with the reason).

    Short for :func:`shopgym.tables.records.read_order_lines`, which says more about the records.

    Args:
        df: one row per order line.
        columns: from our names to those of ``df``, see :data:`shopgym.tables.records.mapping.LINE_FIELDS`.
            A name left out is looked for as it is.
        item_pattern: regular expression that the whole item id must match, e.g. ``r"\\d{5}[A-Z]*"``
            to set postage and bank charges aside.
        min_orders: items in fewer orders are set aside.

    Raises:
        InvalidInput: if a column is missing, the pattern is malformed, or no row can be used.
    """
    lines = read_order_lines(
        df, RecordOptions(columns=columns or {}, item_pattern=item_pattern, min_orders=min_orders)
    )
    return lines.sold, lines.set_aside


def catalog_from_transactions(
    source: pd.DataFrame | OrderLines,
    *,
    columns: Mapping[str, str] | None = None,
    item_pattern: str | None = None,
    min_orders: int = 1,
    currency: str | None = None,
    records: RecordOptions | None = None,
    items: pd.DataFrame | ItemTable | None = None,
    dim: int = LATENT,
    num_categories: int | None = None,
    margin_rates: tuple[float, float] = MARGIN_RATES,
    units_cap: float = UNITS_CAP,
    seed: int = 0,
) -> Catalog:
    """The catalogue of a shop from its order lines; rows that cannot be used are counted in the notes.

    - price: the median over order lines of what was paid, after discounts. Not weighted by units: a bulk
      buyer's line is one decision, and the median ignores both a bulk discount and a typing error.
    - popularity: orders that hold the item, as a share of the sum of these over items.
    - units_mean: mean over lines of min(units, ``units_cap``), at least 1.
    - embedding: :func:`copurchase_embedding`.
    - category: the commonest of the item's lines, or :func:`group_items` where there is no such column.
    - unit cost: the median of the item's lines; where there is none, price (1 - margin rate) with an
      assumed margin rate. Quality is assumed too: see ``notes``.

    Args:
        source: one row per order line, or order lines that were read.
        columns, item_pattern, min_orders: as in :func:`clean`.
        currency: ISO 4217 code of price and unit cost; None: what the lines say, else GBP.
        records: everything that can be said about how the table is read, in place of the four above.
        items: one row per item, see :func:`shopgym.tables.records.read_items`. Its names, categories and
            unit costs count before those of the lines. Items without sales are in the catalogue at the price
            of this table; they count as bought in half an order, and their taste is that of their category.
        dim: columns of the latent taste space, at least 8.
        num_categories: groups to form where there is no category column.
        margin_rates: lowest and highest assumed margin rate.
        units_cap: >= 1.
        seed: of the generator behind what is assumed, and of the start of the grouping.

    Raises:
        InvalidInput: naming the argument, or the column and how to map it.
    """
    if dim < OBSERVED:
        raise InvalidInput("dim", dim, f"give {OBSERVED} or more")
    if not units_cap >= 1:
        raise InvalidInput("units_cap", units_cap, "give 1 or more")
    if isinstance(source, OrderLines):
        read = source
    else:
        said = RecordOptions(
            columns=columns or {}, item_pattern=item_pattern, min_orders=min_orders, currency=currency
        )
        read = read_order_lines(source, records or said)
    currency = currency or read.currency or "GBP"
    lines, unsold = read.sold.copy(), pd.DataFrame()
    if items is not None:
        lines, unsold = with_items(read, items if isinstance(items, ItemTable) else read_items(items))
    rng = Generator(Philox(seed))
    index = pd.Index(sorted({*lines["item"], *unsold.index}))
    lines["row"] = index.get_indexer(lines["item"])
    ids = np.array(list(index), np.str_)
    n = len(ids)
    new = np.flatnonzero(index.isin(unsold.index))
    by_item = lines.groupby("row")
    price = by_item["price"].median().reindex(range(n)).to_numpy(copy=True)
    price[new] = unsold.loc[index[new], "price"] if len(new) else 0.0
    units = lines["quantity"].clip(upper=units_cap).groupby(lines["row"]).mean().clip(lower=1.0)
    units = units.reindex(range(n), fill_value=1.0)
    bought = lines[["order", "row"]].drop_duplicates()
    order = pd.factorize(bought["order"])[0]
    orders = np.bincount(bought["row"], minlength=n)
    embedding, num_alone = copurchase_embedding(order, bought["row"].to_numpy(), n, dim=dim, rng=rng)
    orders = np.where(orders > 0, orders, UNSOLD_ORDERS)
    name = _commonest(lines, "description", _said(unsold, "description", index, pd.Series(ids)))

    if "category" in lines:
        unsaid = pd.Series("uncategorised", index=range(n))
        label = _commonest(lines, "category", _said(unsold, "category", index, unsaid))
        number, labels = pd.factorize(label, sort=True)
        category, names = number.astype(np.int32), tuple(map(str, labels))
        category_note = "The commonest over the item's lines."
    else:
        count = default_categories(n) if num_categories is None else num_categories
        category, names = group_items(list(name), embedding, count, rng)
        category_note = (
            "Groups of items with similar names and buyers (k-means), named by their telling words."
        )

    _tastes_of_categories(embedding, category, new)
    rates = assumed_margin_rates(category, len(names), margin_rates, rng)
    cost = price * (1 - rates)
    unknown = n
    if "unit_cost" in lines:
        of_lines = lines["unit_cost"].where(lines["unit_cost"] >= 0).groupby(lines["row"]).median()
        paid = _said(unsold, "unit_cost", index, of_lines.reindex(range(n))).to_numpy(np.float64)
        unknown = int(np.isnan(paid).sum())
        cost = np.where(np.isnan(paid), cost, paid)
    reasons = "; ".join(f"{count}: {cause}" for cause, count in read.reasons().items())
    notes = {
        "rows": f"{len(lines)} of {read.rows} order lines used, {order.max() + 1} orders.",
        "coverage": coverage_words(read.coverage),
        "set_aside": f"{len(read.set_aside)} order lines set aside. {reasons}".strip(),
        "unit_cost": f"Assumed for {unknown} of {n} items: price x (1 - margin rate), the rate drawn per "
        f"category in {margin_rates[0]} to {margin_rates[1]}. Give a unit_cost column to replace it.",
        "quality": "Assumed: correlated 0.8 with log popularity, the rest is drawn.",
        "units_mean": f"Units of a line are counted up to {units_cap:g}.",
        "embedding": f"{num_alone} of {n} items have no telling co-purchases: theirs is drawn at random.",
        "category": category_note,
    }
    if items is not None:
        notes["items"] = f"{len(new)} of {n} items are of the item table and were not sold yet."
    return Catalog.assemble(
        item_id=ids,
        name=np.array(list(name), np.str_),
        category=category,
        category_names=names,
        price=price,
        unit_cost=cost,
        popularity=orders,
        embedding=embedding,
        quality=assumed_quality(orders, rng),
        units_mean=units.to_numpy(),
        currency=currency,
        notes=notes,
    )


def with_items(read: OrderLines, table: ItemTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(sold lines with what the item table says, its items that have a price and were not sold).

    Items that were left out of the order lines stay out.
    """
    lines = read.sold.copy()
    for name in {"description", "category", "unit_cost"} & set(table.items):
        said = lines["item"].map(table.items[name])
        lines[name] = said.where(said.notna(), lines[name]) if name in lines else said
    unsold = table.items.loc[~table.items.index.isin([*lines["item"], *read.left_out])]
    price = unsold["price"] if "price" in unsold else pd.Series(np.nan, index=unsold.index)
    return lines, unsold[price > 0]


def _said(unsold: pd.DataFrame, name: str, index: pd.Index, otherwise: pd.Series) -> pd.Series:
    """(N,) what the item table says of items without sales; ``otherwise`` of all others."""
    if name not in unsold:
        return otherwise
    said = unsold[name].reindex(index).set_axis(otherwise.index)
    return said.where(said.notna(), otherwise)


def _tastes_of_categories(embedding: F32, category: I32, new: I64) -> None:
    """Put the items ``new`` around the mean taste of the items of their category that were sold."""
    sold = np.setdiff1d(np.arange(len(category)), new)
    for row in new:
        alike = sold[category[sold] == category[row]]
        if len(alike):
            mean = unit_rows(embedding[alike]).mean(axis=0)
            embedding[row] = mean + NEW_SPREAD * unit_rows(embedding[row : row + 1])[0]


def copurchase_embedding(
    order: I64, item: I64, num_items: int, *, dim: int, rng: Generator, shift: float = 1.0
) -> tuple[F32, int]:
    """(N, dim) taste vectors from what is bought together, and how many of them had to be drawn.

    Each of the s items of an order spreads one vote over the s - 1 others, so that a reseller's order of
    500 items counts 500 times and not 250,000. With votes v_ij, m_i = sum_j v_ij and context
    shares c_j ~ m_j^0.75:

        M_ij = max(0, log(v_ij / m_i) - log c_j - log shift)      (shifted positive PMI, Levy & Goldberg 2014;
                                                                   0.75: Levy, Goldberg & Dagan 2015)

    M is centred by rows and columns (what all items share is how much they sell, not what they are like)
    and factorised, M ~ U S V'; the vectors are the rows of U sqrt(S), signs fixed. The rows of items
    that have no entry in M, being bought alone, are drawn.

    Args:
        order, item: (P,) one pair for each distinct item of each order, both counted from 0.
    """
    size = np.bincount(order)
    baskets = sparse.csr_matrix((np.ones(len(order)), (order, item)), shape=(len(size), num_items))
    votes = (baskets.T @ sparse.diags(1.0 / np.maximum(size - 1, 1)) @ baskets).tocoo()
    pair = votes.row != votes.col
    row, col, vote = votes.row[pair], votes.col[pair], votes.data[pair]
    embedding = np.zeros((num_items, dim))
    alone = np.ones(num_items, bool)
    total = np.bincount(row, vote, num_items)
    context = total**0.75 / max((total**0.75).sum(), 1e-300)
    pmi = np.log(vote / total[row]) - np.log(context[col]) - np.log(shift)
    kept = pmi > 0
    if kept.any():
        matrix = sparse.csr_matrix((pmi[kept], (row[kept], col[kept])), shape=(num_items, num_items))
        left, values = _svd(_centred(matrix), dim, rng)
        embedding[:, : len(values)] = left * np.sqrt(values)
        # The centred row of an item without an entry is not zero, but carries no information.
        alone = matrix.getnnz(axis=1) == 0
        length = np.linalg.norm(embedding[:, :OBSERVED], axis=1)
        alone |= length <= 1e-6 * length.max()
    embedding[alone] = rng.standard_normal((int(alone.sum()), dim))
    return embedding.astype(np.float32), int(alone.sum())


def group_items(
    names: Sequence[str], embedding: F32, count: int, rng: Generator, *, words: float = 0.7
) -> tuple[I32, tuple[str, ...]]:
    """(N,) group of each item and the groups' names: items with similar names bought by the same people.

    k-means (k-means++ starts, Arthur & Vassilvitskii 2007) on the tf-idf words of the names, reduced to
    ``count`` columns, beside the taste vectors; ``words`` is the words' share of the squared length. A
    group is named by the two words that tell it best (share of its items that have the word, times the
    word's inverse document frequency), in the order in which names have them. Empty groups are left out.
    """
    n = len(names)
    if not 1 <= count <= n:
        raise InvalidInput("num_categories", count, f"give 1 to {n}")
    words_of_items = pd.DataFrame(
        [(i, place, word) for i, name in enumerate(names) for place, word in enumerate(telling_words(name))],
        columns=["item", "place", "word"],
    )
    words_of_items["stem"], stems = pd.factorize(words_of_items["word"].str.removesuffix("s"))
    distinct = words_of_items.drop_duplicates(["item", "stem"])
    rarity = np.log(n / np.bincount(distinct["stem"], minlength=len(stems)))
    has = sparse.csr_matrix(
        (np.ones(len(distinct)), (distinct["item"], distinct["stem"])), shape=(n, len(stems))
    )
    points = np.sqrt(1 - words) * unit_rows(embedding)
    if rarity.any():
        weighted = has @ sparse.diags(rarity)
        left, values = _svd(weighted, count, rng)
        space = left * values
        # The leading columns hold almost nothing of rare words: do not scale that up to norm 1.
        least = 0.1 * np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)))
        length = np.maximum(np.linalg.norm(space, axis=1, keepdims=True), np.where(least > 0, least, 1))
        points = np.hstack([points, np.sqrt(words) * space / length])
    group, count = _kmeans(points, count, rng)

    form = words_of_items.groupby("stem")["word"].agg(lambda forms: forms.value_counts().index[0])
    place = words_of_items.groupby("stem")["place"].mean()
    titles: list[str] = []
    for number in range(count):
        score = np.asarray(has[group == number].mean(axis=0)).ravel() * rarity
        order = np.argsort(-score, kind="stable")[: np.count_nonzero(score)]
        for words_used in (2, 3):
            best = sorted(order[:words_used], key=lambda word: place[word])
            title = " ".join(form[word] for word in best) or "group"
            if title not in titles:
                break
        titles.append(title if title not in titles else f"{title} {number + 1}")
    return group, tuple(titles)


def telling_words(name: str) -> list[str]:
    """The lower-case words of a name that may say what the thing is: no colours, sizes and fillers."""
    return [word for word in re.findall(r"[^\W\d_]{3,}", name.lower()) if not FILLERS.fullmatch(word)]


def _kmeans(points: AnyArray, count: int, rng: Generator, *, restarts: int = 4) -> tuple[I32, int]:
    """Groups (N,) from 0 and how many: the tightest of several k-means from k-means++ starts."""
    tightest, best = np.inf, np.zeros(len(points), np.int64)
    for _ in range(restarts):
        starts, gap = [int(rng.integers(len(points)))], np.full(len(points), np.inf)
        while len(starts) < count:
            gap = np.minimum(gap, ((points - points[starts[-1]]) ** 2).sum(axis=1))
            if not gap.any():  # fewer different items than groups
                break
            starts.append(int(rng.choice(len(points), p=gap / gap.sum())))
        centres, nearest = kmeans2(points, points[starts], iter=50, minit="matrix")
        spread = float(((points - centres[nearest]) ** 2).sum())
        if spread < tightest:
            tightest, best = spread, nearest
    numbers, group = np.unique(best, return_inverse=True)
    return group.astype(np.int32), len(numbers)


def _centred(matrix: sparse.csr_matrix) -> LinearOperator:
    """A sparse matrix less its row and column means, plus its mean; never made dense."""
    rows, cols = (np.asarray(matrix.mean(axis=axis)).ravel() for axis in (1, 0))
    rows -= rows.mean()
    return LinearOperator(
        matrix.shape,
        matvec=lambda x: matrix @ x.ravel() - rows * x.sum() - cols @ x.ravel(),
        rmatvec=lambda y: matrix.T @ y.ravel() - cols * y.sum() - rows @ y.ravel(),
        dtype=np.float64,
    )


def _svd(matrix: sparse.csr_matrix | LinearOperator, dim: int, rng: Generator) -> tuple[F64, F64]:
    """Up to ``dim`` leading left singular vectors and values; each vector's largest entry is positive."""
    rows, cols = matrix.shape
    if min(rows, cols) <= dim or rows * cols <= 250_000:  # the iterative one needs more columns than dim
        left, values, _ = np.linalg.svd(matrix @ np.eye(cols), full_matrices=False)
        left, values = left[:, :dim], values[:dim]
    else:
        left, values, _ = svds(matrix, k=dim, v0=rng.standard_normal(min(rows, cols)))
        left, values = left[:, ::-1], values[::-1]
    largest = np.abs(left).argmax(axis=0)
    return left * np.sign(left[largest, np.arange(left.shape[1])]), values


def _commonest(lines: pd.DataFrame, column: str, otherwise: pd.Series) -> pd.Series:
    """(N,) the commonest value of a text column over each item's lines, the first by alphabet of several."""
    if column not in lines:
        return otherwise.astype(str)
    text = lines[column]
    counts = text.groupby([lines["row"], text]).size().rename("count").reset_index()
    best = counts.sort_values(["row", "count", column], ascending=[True, False, True]).drop_duplicates("row")
    return best.set_index("row")[column].reindex(otherwise.index).fillna(otherwise).astype(str)
