"""The monitor: is what a policy earns still what the business wants?"""

from .collect import TrainingMonitor, log_batches, reference_batch, step_batch
from .correlated_proxy import ProxyReference, lower_bound
from .decline import DeclineTest
from .divergence import Divergence, divergence
from .monitor import MonitorRow, PageBatch, RewardMonitor
from .plots import monitor_figure
from .sb3 import monitor_callback

__all__ = [
    "DeclineTest",
    "Divergence",
    "MonitorRow",
    "PageBatch",
    "ProxyReference",
    "RewardMonitor",
    "TrainingMonitor",
    "divergence",
    "log_batches",
    "lower_bound",
    "monitor_callback",
    "monitor_figure",
    "reference_batch",
    "step_batch",
]
