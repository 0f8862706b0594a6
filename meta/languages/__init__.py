"""Runs a repository's tests and reports what happened, without judging it.

A `TestRunner` gets a bench, a workspace in which every file already lies, and the ticket's grader; it returns a
`TestRun`. `python/` runs pytest with bait that exposes forged reports; `junit/` runs any command that writes JUnit XML.
`runners` picks one for a grader.

To add a language, add a folder beside `python/` with a `TestRunner`, and name it in `runners`.
"""
