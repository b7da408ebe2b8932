"""Module names of version 0.1 that still import, with a DeprecationWarning; they go in version 0.3."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType

MOVED = {
    "core.build": "core.config",
    "core.nouns": "core.batches",
    "envs.page_loop": "envs.page_env",
    "envs.reward": "core.reward",
    "envs.truth": "envs.oracle",
    "experiments.calibration": "realism.calibration",
    "experiments.cli": "cli.main",
    "experiments.cold_start": "experiments.studies.cold_start",
    "experiments.gate": "guardrails.gate",
    "experiments.leaderboard": "experiments.studies.leaderboard",
    "experiments.long_term": "experiments.studies.long_term",
    "experiments.ope": "evaluation.offline",
    "experiments.ope.clusters": "evaluation.intervals.clusters",
    "experiments.ope.formats.faults": "evaluation.offline.formats.validation",
    "experiments.ope.frame": "evaluation.offline.from_dataframe",
    "experiments.ope.intervals": "evaluation.intervals",
    "experiments.ope.terms": "evaluation.intervals.statistic",
    "experiments.ope_benchmark": "experiments.studies.ope_benchmark",
    "experiments.realism": "realism",
    "experiments.sequences": "training",
    "policies.append_log": "policies.decision_log.append_log",
    "policies.bundle": "policies.serving.bundle",
    "policies.compaction": "policies.decision_log.compaction",
    "policies.journal": "policies.decision_log.journal",
    "policies.keyed": "policies.serving.request_seeded",
    "policies.log": "policies.decision_log.log",
    "policies.log_schema": "policies.decision_log.schema",
    "policies.retrieval.matched": "policies.retrieval.linear_retriever",
    "policies.retrieval.of_policy": "policies.retriever_from_policy",
    "policies.retrieval.policy": "policies.retrieving_policy",
    "policies.server": "policies.serving.server",
    "simulators.draws": "simulators.engine.hash_rng",
    "simulators.kernel": "simulators.engine.jit",
    "simulators.retail": "simulators.catalog.online_retail",
    "simulators.transactions": "simulators.catalog.transactions",
}
"""Old name → new name, both below ``shopgym``. A package takes its modules along."""
RENAMED = {
    "core.batches": {"DETAILS": "EVENT_COLUMNS", "EVENTS": "LEARNER_EVENTS"},
    "evaluation.offline": {"compare": "compare_inputs"},
    "evaluation.offline.formats": {"read_log": "weigh_log"},
    "evaluation.offline.from_dataframe": {"from_frame": "from_dataframe"},
    "guardrails.gate": {"choose": "choose_candidate", "judge": "judge_candidates"},
    "policies.serving.request_seeded": {"decide_keyed": "decide_seeded", "keyed_rng": "seeded_rng"},
    "realism": {
        "Stylised": "StylisedFact",
        "applicable": "applicable_facts",
        "responses": "measure_effect_sizes",
    },
    "training": {"live": "run_episodes", "sequences_of": "transitions_of_log"},
}
"""Names in a module of today that had another name in its old place: old name → new name."""


def new_name(old: str) -> str | None:
    """Today's name of the module ``old``, both absolute; None where it did not move."""
    head, *rest = old.split(".")
    if head != "shopgym":
        return None
    for end in range(len(rest), 0, -1):
        target = MOVED.get(".".join(rest[:end]))
        if target is not None:
            return ".".join([head, target, *rest[end:]])
    return None


class _Alias(Loader):
    """Puts the module of today in the place of the old name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, new_name(module.__name__)
        assert new is not None  # the finder asked before
        warnings.warn(f"{old} is now {new}; the old name goes in 0.3", DeprecationWarning, stacklevel=2)
        today = import_module(new)
        for old_attribute, attribute in RENAMED.get(new.partition(".")[2], {}).items():
            if not hasattr(today, old_attribute):
                setattr(today, old_attribute, getattr(today, attribute))
        # the import system takes what stands here after this function, so both names are one module
        sys.modules[old] = today

    def get_code(self, fullname: str) -> CodeType:
        """What ``python -m`` runs: the module of today."""
        run = f"import runpy; runpy.run_module({new_name(fullname)!r}, run_name='__main__', alter_sys=True)"
        return compile(run, fullname, "exec")


class _MovedFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        new = new_name(fullname)
        today = None if new is None else find_spec(new)
        if today is None:
            return None
        return ModuleSpec(fullname, _Alias(), is_package=today.submodule_search_locations is not None)


def import_old_names() -> None:
    """Let old names be found: first of all, or modules of an old package would be loaded a second time."""
    if not any(isinstance(finder, _MovedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MovedFinder())
