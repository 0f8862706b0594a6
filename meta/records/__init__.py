"""Values that cross the borders between rooms: frozen, validated, without input or output.

`ticket` is what can be replayed, `replay` what came of it, `candidate` an edit with its states and the proposal that is
made of it, `account` a night with what it did and what it cost. Most are stored as JSON in runs.db, so a field is never
renamed or removed, and a new one has a default.

To add a record, derive it from `record.Record` in the file of its subject.
"""
