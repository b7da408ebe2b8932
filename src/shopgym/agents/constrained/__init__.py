"""Learners under limits: what they may cost is kept by Lagrangian multipliers, or by a guarantee on the way."""
