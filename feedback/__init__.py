"""What reviewers did with the agent's pull requests: one `Outcome` for each.

How data passes through: a source reads a clone (`git/`), a forge (`github/`) or an export (`jsonl`) and yields an
`Outcome` for each pull request that is new or has changed since its cursor. Strangers' text is cleaned as it enters a
record (`cleaning`). Rules assign a cause where the data states it (`causes`, with the phrases in `cause_rules`). If
several sources know the same pull request, `reconciliation` merges their records into one. `quotation` renders a
comment for a prompt.

Start with `outcome` (the records) and `source` (the protocol). `identity` decides which commits and pull requests are
the agent's, `messages` reads commit messages, `problems` holds what goes wrong.

To add a source, write a class with the four members of `source.FeedbackSource` and list what it cannot know in each
outcome's `unknown_fields`. Its `name` starts with its kind (`gitlab:…`); give that kind its rank in `reconciliation`.

A leaf: it imports neither `meta` nor `worker_agent`, and stores nothing.
"""
