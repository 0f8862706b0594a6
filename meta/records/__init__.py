"""Values that packages pass to each other: frozen and validated.

    ticket       what can be replayed
    replay       a run of a version on a ticket, with its verdict
    candidate    an edit, its states, and the proposal it may become
    account      a night: what it did and what it cost
    record       the base class

Records do no input or output. Most are stored as JSON in runs.db, so a field is never renamed or removed, and a new one
has a default. To add a record, derive it from `record.Record` in the file of its subject.
"""
