"""runs.db: everything that `meta` knows. All SQL is in this package.

`store.Store` opens the file and has one object for each table. Every question that the loop asks is a method, named in
the loop's words, which takes records and returns records and numbers:

    store.tickets        what can be replayed, where each one stands, which ones only the gate may use
    store.replays        each run of a version on a ticket, with its verdict
    store.transcripts    what was said and done in each replay
    store.incumbents     which version was put in use, and when
    store.candidates     edits on their way through check, race and gate
    store.gate_tests     the state of each candidate's test; the levels of the strict tier
    store.proposals      what the gate kept, what people decided on it, and the pull requests
    store.nights         which night to work on, which of its stages are done, and their results
    store.outcomes       how the agent's pull requests ended; how far each source was read; tickets made from them
    store.calls          the ledger: every model call and what it cost

How data passes through: a caller hands in a frozen record, the table's object turns it into a row, and
`database.RunsDatabase` writes that row, durable when the call returns. Rows become records again before they leave.
Writes that belong together go inside `with store.all_or_nothing():`. One process writes at a time (`writer_lock`);
others may read. `summary` answers `meta status` with the standard library alone. `definitions` says what counts for
one-shot success, and how timestamps are written.

To add a question, add a method to the table's class and name it after what it answers. If it is asked for every replay
or batch, add it to the test that looks for indexes in `tests/test_store.py`. To add a table or a column, append a
migration to `migrations` (one that has shipped never changes), write the table's class, and give `Store` an attribute.
"""
