"""Whether a reward can be gamed: what a lint finds, and what it says of it."""

from .findings import CODES, Code, Finding, LintReport

__all__ = ["CODES", "Code", "Finding", "LintReport"]
