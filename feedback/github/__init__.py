"""Outcomes from GitHub's API: reviews, comments and endings unknown to git.

How data passes through (`github_source.GitHubSource` tells it in order):

1. `access` says how to reach GitHub, and as whom; `client` sends one request at a time, waits for rate limits and puts
   failures into words. `queries` holds the GraphQL, `answers` the records that answers are parsed into.
2. `pull_listing` lists pull requests from the stored place on; the source picks the agent's.
3. `pulls` reads one with everything on it: `PullDetails`. `remarks` says what people wrote, and whether they may push.
4. `pull_story` works out what happened: who changed it, asked for changes or, with `reversals`, reverted it.
5. `github_outcome` makes the record, `diffs` adds diffs where no clone has them, `github_causes` the cause.

To use another fact, add it to `queries` and `answers`, then to `pull_story` or `github_causes`, and increase
`GITHUB_FORMAT` if it changes outcomes.

Imports nothing from `feedback.git`. `githubkit` is slow to import, so `client` imports it when it connects.
"""
