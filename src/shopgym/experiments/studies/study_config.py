"""What the configs of all studies share."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ...core.hashing import hash_json
from ..config import Section
from ..entries import NAME


class StudyConfig(Section):
    """Name, purpose and seed of a study."""

    name: str = Field(pattern=f"^{NAME}$")
    purpose: str = Field("", description="what the study is for")
    seed: int = Field(0, ge=0, lt=2**62, description="of the first repetition; the others follow it")

    def stored(self) -> dict[str, Any]:
        """The config with all defaults filled in, as a run stores it."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """SHA-256 of what is stored."""
        return hash_json(self.stored())
