"""An answer of offline evaluation: which estimates it holds, and its words.

The terminal, the notebook and the HTML card print the sentences of this room, so they say the same. An answer
is one JSON-able mapping, the one that ``shopgym evaluate --json`` prints; :func:`.choose.answer_of` lists its
keys.
"""

from .choose import Estimates, answer_of, best_estimate, estimates_of, preference
from .lines import COLOURS, Block, Line, TextTable, blocks_of, html, lines_before, table_of, text
from .sentences import HEADINGS, comparison_conclusion, conclusion

__all__ = [
    "COLOURS",
    "HEADINGS",
    "Block",
    "Estimates",
    "Line",
    "TextTable",
    "answer_of",
    "best_estimate",
    "blocks_of",
    "comparison_conclusion",
    "conclusion",
    "estimates_of",
    "html",
    "lines_before",
    "preference",
    "table_of",
    "text",
]
