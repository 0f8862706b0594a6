"""Works on a ticket, in a replay or for a reviewer.

`own_worker` is the one place that runs our coding agent: a ticket, a surface and a bench go in, a submission comes out.
`assignment` serves `meta work`: it finds the ticket by its id or in a file, and makes a branch of what was submitted.

To let another agent work, add a module beside `own_worker` with the same `work` method.
"""
