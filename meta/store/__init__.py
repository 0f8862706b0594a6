"""runs.db: everything that `meta` knows. The only room with SQL in it.

`store.Store` opens the file and has one object a table; each question that the loop asks is a method with a name in the
loop's own words, which takes records and returns records and numbers:

    store.tickets        what can be replayed, where each stands, which only the gate may use
    store.replays        every version that was run on a ticket, with its verdict
    store.transcripts    what was said and done in them
    store.incumbents     which version has been in use since when
    store.candidates     edits on their way through check, race and gate
    store.gate_tests     the state of each candidate's test; the levels of the strict tier
    store.proposals      what the gate kept, what a person decided, which have a pull request
    store.nights         which night to work on, which of its stages are done, what came of each
    store.outcomes       how the agent's pull requests ended; how far each source was read; tickets made of them
    store.calls          the ledger: every model call and what it cost

How data passes: a caller hands in a frozen record; the table's object makes a row of it, and `database.RunsDatabase`
writes that, durable when the call returns. On the way back rows become records before they leave the room. What has to
be written together stands in `with store.all_or_nothing():`. One process writes (`writer_lock`); others may read.
`summary` answers `meta status` by itself, without the libraries that take long to import. What counts for one-shot
success is said in `definitions`, once.

To ask something new: add a method to the table's class, named for what it answers; where it is asked once a replay or
batch, see with `explain query plan` that it uses an index. To add a table or a column: write a new migration at the end
of `migrations` (those that have shipped never change), a file with the table's class here, and an attribute in `Store`.
"""
