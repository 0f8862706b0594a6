"""Makes replayable tickets, and proves that each can be trusted.

There are three sources: `mining` reads a repository's history, `from_feedback` takes pull requests that came back, and
`from_files` reads what a person wrote. Each makes `Ticket` records; `admission` tries every one of them before it may
be replayed.

To add a source, put a package beside these that makes tickets, and hand them to `admission`.
"""
