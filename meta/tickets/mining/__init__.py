"""Makes tickets from a repository's history: each merged change that has tests.

`miner` goes through the main line, newest change first, several at a time. `changes` finds those that touch source and
tests and are small, by their `commit_messages` and `file_changes`; `attempt` makes a ticket of one and tries it. What
cannot be read is set aside with the reason, and the rest goes on. On the way, `briefs` writes the brief
from the commit's words, `change_sides` keeps the tests away from what the worker has to write, `derived_environment`
builds what the tests need, `contrast` finds the tests that the change turns from failing to passing, and
`specification` says whether the brief tells what they demand. The result is a `MinedTicket`, admitted or quarantined.
"""
