"""Studies: a leaderboard, an OPE benchmark, cold start, long term."""
