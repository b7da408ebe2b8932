"""Between features and Vowpal Wabbit: its text lines, and where its linear weights lie."""

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
MOST_MODELS = 256


class Space:
    """Features as names that Vowpal Wabbit hashes: never bare integers, whose hashes of two namespaces meet.

    With ``pairs`` its own namespaces are used: ``u`` and ``c`` (user, context) on a shared line, ``i`` (item)
    on each action's, crossed by ``-q ui -q ci``; the linear model has a term for each column, pair and 1.
    Else an action's line has the given features, products already, in namespace ``f``.
    """

    def __init__(self, features: FeatureMap, item_names: tuple[str, ...], *, pairs: bool) -> None:
        self.pairs = pairs
        user = [f"user.{name}" for name in features.user_names]
        context = [f"context.{name}" for name in features.context_names]
        item = [f"item.{name}" for name in item_names]
        self.item_names = item_names
        sides = [("u", user), ("c", context), ("i", item)]
        self.names = {name: (space, f"x{at}") for space, names in sides for at, name in enumerate(names)}
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

    def places(self, probe: Any) -> tuple[I64, int]:
        """((D,) index of each term's weight, how many models lie side by side: a power of 2).

        Args:
            probe: a workspace that has learnt from the feature ``probe`` of namespace ``f``.

        Raises:
            InvalidInput: two features have one weight.
        """
        apart, mask = models_apart(probe), probe.num_weights() - 1
        at = np.array([self._place(probe, term, apart) & mask for term in range(len(self.features))])
        if len(np.unique(at)) < len(at):
            raise InvalidInput("vw.bits", mask + 1, "two features share a weight: give more bits")
        return at, apart

    def _place(self, workspace: Any, term: int, apart: int) -> int:
        mask = int(workspace.num_weights()) - 1

        def hashed(space: str, name: str) -> int:
            return (int(workspace.hash_feature(name, workspace.hash_space(space))) & mask) * apart

        if not self.pairs:
            return hashed("f", f"f{term}")
        columns = self.features.terms[term]
        if not columns:
            return (CONSTANT & mask) * apart
        first, *rest = (hashed(*self.names[column]) for column in columns)
        return (FNV_PRIME * first) ^ rest[0] if rest else first


def models_apart(workspace: Any) -> int:
    """How many models lie side by side in the weights: asked of a workspace that has learnt something."""
    first = workspace.hash_feature("probe", workspace.hash_space("f")) & (workspace.num_weights() - 1)
    apart = 1
    while apart <= MOST_MODELS:
        if any(
            workspace.get_weight(first * apart + o & workspace.num_weights() - 1, 0) for o in range(apart)
        ):
            return apart
        apart *= 2
    raise InvalidInput("vw.args", "no weights", "this reduction keeps its weights elsewhere")


def _template(prefix: str, count: int) -> str:
    return " ".join(f"{prefix}{at}:%.9g" for at in range(count))


def checked(args: str) -> str:
    """Options of Vowpal Wabbit that may be added by hand.

    Raises:
        InvalidInput: they would read or write files, or change the features.
    """
    found = re.search(r"(?<!\S)(-d|--data|-i|-f|-q|--\S*(file|regressor|model|interactions|ignore)\S*)", args)
    if found:
        raise InvalidInput("vw.args", found.group(), "leave out files and interactions")
    return args
