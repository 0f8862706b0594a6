"""Outcomes from a clone alone: pull requests' heads and how they relate to main.

How data passes through (`plain_git.PlainGit` tells it in order):

1. `command` runs git, hardened, since nobody vouches for the clone. `clone` reads refs, commits, changed files and
   patches through it. Nothing else in this package starts a process.
2. `history` numbers the steps of main; `main_index` and `main_files` look them up by number, stamp and file.
3. `agent_pulls` finds the agent's pull requests.
4. `landing` finds how each came into main by graph, number or stamp, `reverts` what may have undone it. `cases` puts
   them together with the places where its content may be: a `PullCase`. No file contents so far.
5. `comparison` settles what is left by comparing contents (`patches`): a `CaseFinding`.
6. `git_outcome` makes the record, with evidence from `git_evidence`.

To recognise another way to land a change, add it to `landing` if the graph or a message shows it, or to
`CaseBuilder._landings_by_content` with the proof that it needs. Then increase `CASE_FORMAT`, or old cursors hide it.
"""
