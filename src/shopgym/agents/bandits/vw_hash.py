"""Features as text for Vowpal Wabbit, and the indices of its linear weights."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import I64
from ...policies.features import FeatureMap, Term

CONSTANT = 11650396
"""Hash of the feature that is 1 in every line."""
FNV_PRIME = 16777619
"""Index of a pair: (FNV_PRIME x first) xor second."""
MAX_MODELS = 256


class FeatureHashing:
    """Names of features, which Vowpal Wabbit hashes.

    Names are never bare integers, because their hashes coincide in two namespaces. With ``pairs`` there are
    three namespaces: ``u`` and ``c`` (user, context) on a shared line and ``i`` (item) on the line of each
    action. ``-q ui -q ci`` crosses them, so the linear model has a term for 1, each column and each pair.
    Without ``pairs`` the line of an action has the given features in namespace ``f``.
    """

    def __init__(self, features: FeatureMap, item_names: tuple[str, ...], *, pairs: bool) -> None:
        self.pairs = pairs
        user = [f"user.{name}" for name in features.user_names]
        context = [f"context.{name}" for name in features.context_names]
        item = [f"item.{name}" for name in item_names]
        sides = [("u", user), ("c", context), ("i", item)]
        self.names = {
            name: (space, f"x{index}") for space, names in sides for index, name in enumerate(names)
        }
        if pairs:
            terms: list[Term] = [(), *((name,) for name in self.names)]
            terms += [(left, right) for left in (*user, *context) for right in item]
            features = FeatureMap(tuple(terms), features.user_names, features.context_names)
        self.features = features
        self.flags = "-q ui -q ci" if pairs else "--noconstant"
        self.shared = ""
        if pairs:
            self.shared = f"shared |u {_template('x', len(user))} |c {_template('x', len(context))}\n"
        self.action = f"|i {_template('x', len(item))}" if pairs else f"|f {_template('f', len(features))}"

    def weight_indices(self, probe: Any) -> tuple[I64, int]:
        """((D,) index of each term's weight, stride between features: a power of 2).

        Args:
            probe: a workspace that has learnt from the feature ``probe`` of namespace ``f``.

        Raises:
            InvalidInput: two features share a weight.
        """
        stride, mask = model_stride(probe), probe.num_weights() - 1
        index = np.array(
            [self._weight_index(probe, term, stride) & mask for term in range(len(self.features))]
        )
        if len(np.unique(index)) < len(index):
            raise InvalidInput("vw.bits", mask + 1, "two features share a weight: give more bits")
        return index, stride

    def _weight_index(self, workspace: Any, term: int, stride: int) -> int:
        mask = int(workspace.num_weights()) - 1

        def hashed(space: str, name: str) -> int:
            return (int(workspace.hash_feature(name, workspace.hash_space(space))) & mask) * stride

        if not self.pairs:
            return hashed("f", f"f{term}")
        columns = self.features.terms[term]
        if not columns:
            return (CONSTANT & mask) * stride
        hashes = [hashed(*self.names[column]) for column in columns]
        return (FNV_PRIME * hashes[0]) ^ hashes[1] if len(hashes) > 1 else hashes[0]


def model_stride(workspace: Any) -> int:
    """The stride between features: how many models a workspace, which has learnt something, interleaves."""
    base = workspace.hash_feature("probe", workspace.hash_space("f")) & (workspace.num_weights() - 1)
    stride = 1
    while stride <= MAX_MODELS:
        if any(
            workspace.get_weight(base * stride + offset & workspace.num_weights() - 1, 0)
            for offset in range(stride)
        ):
            return stride
        stride *= 2
    raise InvalidInput("vw.args", "no weights", "this reduction keeps its weights elsewhere")


def _template(prefix: str, count: int) -> str:
    return " ".join(f"{prefix}{index}:%.9g" for index in range(count))


def checked_options(args: str) -> str:
    """``args``, if Vowpal Wabbit may be given these options by hand.

    Raises:
        InvalidInput: they would read or write files, or change the features.
    """
    forbidden = re.search(
        r"(?<!\S)(-d|--data|-i|-f|-q|--\S*(file|regressor|model|interactions|ignore)\S*)", args
    )
    if forbidden:
        raise InvalidInput("vw.args", forbidden.group(), "leave out files and interactions")
    return args
