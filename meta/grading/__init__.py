"""Decides whether a submission passes its tests and would be merged as it is.

`grader.examine_submission` takes a ticket, a diff and a bench. It applies the diff in a fresh workspace, lets
`overlay` take the tests out of the submission's hands, asks `meta.languages` to run them, and decides. `runner_access`
objects to code that reaches for the test runner. `acceptance/` holds the checks that tests do not make, and
`linter_packages` finds out what the repository's linters need.

To add an acceptance check, see `acceptance/`; to add a language, see `meta.languages`.
"""
