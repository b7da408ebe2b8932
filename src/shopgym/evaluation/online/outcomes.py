"""What a test says of an effect, and how far its numbers can be trusted."""

BETTER, WORSE, UNCLEAR = "better", "worse", "not clear"
"""Of a metric that decides."""
KEPT, LOST, OPEN = "kept", "broken", "open"
"""Of a guardrail."""
TRUST, CAUTION, REFUSE = "trust", "caution", "refuse"
"""Of the whole test."""
