"""Where things are. Tests that read ``SHARED`` skip where it is absent."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
DATA = ROOT / "tests" / "data"
"""Answers recorded earlier, and files written by earlier versions."""
SHARED = ROOT.parent / "shared"
"""Public data and reference answers of other systems, beside the checkout."""
