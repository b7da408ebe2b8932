"""Evaluation of policies: intervals, offline evaluation and how an answer is worded."""
