"""Long-term rewards: does it pay to look beyond the page?"""

from .cell import with_identity
from .config import EFFECTS, CustomersSection, LongTermConfig
from .study import STUDY, Gain, gain

__all__ = ["EFFECTS", "STUDY", "CustomersSection", "Gain", "LongTermConfig", "gain", "with_identity"]
