"""The base class of all records."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value, compared by content; it rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
