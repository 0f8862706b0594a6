"""Makes tickets from pull requests that were changed, closed or reverted.

`accepted_change` finds what was accepted instead, and what the agent had first submitted, as a diff against the same
base. `conversion` mines that change like any other, with the first submission as the diff that the grader must reject,
and remembers which pull requests were tried.
"""
