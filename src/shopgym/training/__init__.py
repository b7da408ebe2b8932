"""Agents learn in environments: the training loop, whole episodes, position bias, transitions out of logs."""

from ..core.reward.booking import Booking
from .booked_reward import BookedRewards
from .episodes import EpisodeTotals, run_episodes
from .log_transitions import transitions_of_log
from .loop import interactions, learn, record, train, train_sequences
from .policy_log import step_log
from .position_bias import measure_position_bias, position_bias

__all__ = [
    "BookedRewards",
    "Booking",
    "EpisodeTotals",
    "interactions",
    "learn",
    "measure_position_bias",
    "position_bias",
    "record",
    "run_episodes",
    "step_log",
    "train",
    "train_sequences",
    "transitions_of_log",
]
