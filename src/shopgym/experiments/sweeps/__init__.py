"""Sweeps: one config, many values of its settings, many seeds, one table."""
