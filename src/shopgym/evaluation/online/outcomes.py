"""What a test says of an effect, and how far its numbers can be trusted.

The words of the verdict on a whole test are those of :mod:`shopgym.evaluation.offline.verdict`.
"""

BETTER, WORSE, UNCLEAR = "better", "worse", "not clear"
"""Of a metric that decides."""
KEPT, LOST, OPEN = "kept", "broken", "open"
"""Of a guardrail."""
REFUSED = "refused"
"""Of every effect of a test that is refused."""
