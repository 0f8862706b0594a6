"""What all records have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A value: frozen, compared by content, refusing fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
