"""Learners under limits: Lagrangian multipliers, or a guarantee on the way."""
