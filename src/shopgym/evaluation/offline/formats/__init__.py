"""Logs of every kind: our own, tables, DSJSON, Open Bandit Pipeline's dictionaries; in memory or streamed."""

from .columns import Columns
from .obp import from_obp, to_obp
from .propensities import Propensities, estimated_propensities
from .ray_map import ray_map
from .readers import read_log_table, weigh_log
from .stream import stream_table
from .table import table_source
from .vw import dsjson_frame, dsjson_source
from .weighed_log import WeighedLog

__all__ = [
    "Columns",
    "Propensities",
    "WeighedLog",
    "dsjson_frame",
    "dsjson_source",
    "estimated_propensities",
    "from_obp",
    "ray_map",
    "read_log_table",
    "stream_table",
    "table_source",
    "to_obp",
    "weigh_log",
]
