"""The commands of ``shopgym``, one file each."""
