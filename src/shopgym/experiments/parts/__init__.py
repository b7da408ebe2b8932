"""Finished parts of a run that is under way: what was interrupted goes on from them."""
