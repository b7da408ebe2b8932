"""Agents that look beyond the page: they learn from interactions that say what came next."""
