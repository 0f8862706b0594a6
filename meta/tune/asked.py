"""What a proposer answered, kept before anything is made of it: a night that is killed need not pay for it again."""

from __future__ import annotations

from collections.abc import Sequence

from meta.records import Edit
from meta.store import stages
from meta.store.store import Store
from meta.tune.drafts import Draft

STAGE = "drafts"


def keep(store: Store, night: int, drafts: Sequence[Draft]) -> None:
    """Write down the drafts of a night, in their order."""
    kept = [
        {"title": d.title, "edit": d.edit.model_dump(mode="json") if d.edit else None, "problem": d.problem}
        for d in drafts
    ]
    stages.done(store, night, STAGE, {"drafts": kept})


def kept(store: Store, night: int) -> list[Draft] | None:
    """The drafts of a night; `None` when nobody has been asked yet."""
    detail = stages.details(store, night).get(STAGE)
    if detail is None:
        return None
    return [
        Draft(d["title"], Edit.model_validate(d["edit"]) if d["edit"] else None, d["problem"]) for d in detail["drafts"]
    ]
