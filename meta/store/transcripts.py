"""Transcripts: what was said and done in each replay. Nothing else in the record is ever removed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from meta.store.database import RunsDatabase
from safeguards.masking import mask_secrets
from worker_agent.records import Event
from worker_agent.storable import storable_json


class Transcripts:
    """The table `transcripts`: one compressed text of JSON lines for each replay."""

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def add(self, replay_id: str, events: Sequence[Event]) -> None:
        """Keep the transcript of a replay."""
        lines = mask_secrets("\n".join(json.dumps(storable_json(event), ensure_ascii=False) for event in events))
        self._db.insert("transcripts", {"replay": replay_id, "events": zlib.compress(lines.encode())})

    def of_replay(self, replay_id: str) -> list[Event]:
        """Return the events of a replay, in order; empty if its transcript was removed."""
        packed = self._db.value("select events from transcripts where replay = ?", replay_id)
        lines = zlib.decompress(packed).decode() if packed else ""
        return [json.loads(line) for line in lines.split("\n") if line]

    def remove_older_than(self, moment: str) -> int:
        """Remove transcripts from before `moment` (ISO 8601, UTC), and return how many.

        A replay is as old as the newest replay before it, if that is newer: setting the clock back for a while makes
        nothing older.
        """
        made = "select id, max(started_at) over (order by rowid) as at from replays"
        old = f"select t.replay from transcripts t join ({made}) r on r.id = t.replay where r.at < ?"
        return self._db.execute(f"delete from transcripts where replay in ({old})", moment)

    def remove_beyond(self, size: int) -> int:
        """Remove the oldest transcripts until `size` bytes are left, and return how many."""
        too_many = (
            "select replay from (select t.replay, sum(length(t.events)) over (order by r.rowid desc) as size"
            " from transcripts t join replays r on r.id = t.replay) where size > ?"
        )
        return self._db.execute(f"delete from transcripts where replay in ({too_many})", size)
