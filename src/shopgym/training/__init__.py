"""Agents learn in environments: the training loop and position bias."""
