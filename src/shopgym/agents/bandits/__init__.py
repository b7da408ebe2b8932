"""Contextual bandits: what to show next, learnt from what was shown before."""
