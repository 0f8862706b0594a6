"""Reads tickets that a person wrote; docs/tickets.md has the format.

`ticket_files` reads JSON lines, TOML, and Markdown with front matter, and names each bad entry by file and line.
`ticket_entry` makes a `Ticket` from one entry's fields, with diffs and hidden files inline, in separate files, or
from the history. To add a format, add a case to `ticket_files`.
"""
