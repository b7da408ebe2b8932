"""Pages drawn as text and as pictures."""
