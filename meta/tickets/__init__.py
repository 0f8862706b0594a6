"""Where replayable tickets come from, and why each can be trusted.

There are three sources: `mining` reads a repository's history, `from_feedback` takes pull requests that came back, and
`from_files` reads what a person wrote. Each makes `Ticket` records; `admission` lets every one of them prove itself,
and only then is it replayed.

To add a source, put a package beside these that makes tickets, and hand them to `admission`.
"""
