"""Checks for what reviewers would object to and tests do not see.

`submission_change` compares the trees before and after. `checks` asks every check that a ticket's grader names, and
gets a `CheckResult` from each. Five checks only read the change: `existing_tests`, `stray_files`, `noise`, `size` and
`suppressions`; `need` measures what the merged change took. `strength` reads what tests demand, `live_code` which code
can run, and `silencers` knows the comments that silence a checker. `review_checks` are small declarations drafted from
a reviewer's words. `linter_run` runs the repository's own linters, formatters and type checker on what was touched;
`configured_tools` and `pre_commit` say which ones and how.

To add a check that reads the change, make a `Check` in a module of its own and name it in `checks.READING_CHECKS`. A
check counts for a ticket only if the merged change passes it; admission finds that out.
"""
