"""Makes replayable tickets, and proves that each can be trusted.

There are three sources: `mining` reads a repository's history, `from_feedback` takes pull requests that came back, and
`from_files` reads what a person wrote. Each makes `Ticket` records, and none may be replayed before `admission` has
tried it. `mining` and `from_feedback` call `admission.proof` themselves, while the ticket's environment is at hand;
tickets from files wait in the store until `admission.queue` tries them.

To add a source, put a package beside these that makes tickets, and either call `admission.proof` on each or add it to
the store as new.
"""
