"""Users and visits: who there is, who comes when, what a visit leaves behind and who comes back."""

from .arrivals import ArrivalConfig
from .population import Population
from .repurchase import RepurchaseConfig
from .retention import RetentionConfig
from .satisfaction import PeopleConfig
from .users import Users
from .visits import Visits

__all__ = [
    "ArrivalConfig",
    "PeopleConfig",
    "Population",
    "RepurchaseConfig",
    "RetentionConfig",
    "Users",
    "Visits",
]
