"""Three kinds of shop (gift, fashion, grocery) as tables of parameters, and named disturbances of a shop."""

from .profiles import PROFILES, profile, profile_catalog

__all__ = ["PROFILES", "profile", "profile_catalog"]
