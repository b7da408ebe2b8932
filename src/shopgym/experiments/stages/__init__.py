"""The stages of an experiment, one a file. Each has seeds of its own and a fresh copy of the shop.

A run goes through all of them (:mod:`..runner`). A study takes those that it needs: :func:`.shops.open_shop`,
:func:`.prepare.task_of`, :func:`.learn.policies_after`, :func:`.deploy.deploy`.
"""

from ..seeds import stage_rng, stage_seed
from .shops import open_shop

__all__ = ["open_shop", "stage_rng", "stage_seed"]
