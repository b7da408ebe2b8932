"""The numbers of the three profiles, each with its unit and source. Nothing else of the records is here."""

from .fashion import FASHION
from .gift import GIFT
from .grocery import GROCERY
from .parameter import Number

__all__ = ["FASHION", "GIFT", "GROCERY", "Number"]
