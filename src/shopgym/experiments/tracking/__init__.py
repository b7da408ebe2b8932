"""Finished runs in a tracking store, beside the runs of other tools."""
