"""Experiments from a config: agents learn, are deployed, logged, evaluated, gated and exported."""

from .config import ExperimentConfig, load_config, parse_config
from .export import export_policy
from .results import Results
from .runner import run

__all__ = ["ExperimentConfig", "Results", "export_policy", "load_config", "parse_config", "run"]
