"""Known scenes of reward design, each a config, a measurement and a figure: ``shopgym reward scene NAME``."""
