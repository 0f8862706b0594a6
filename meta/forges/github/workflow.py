"""The workflow that `meta init --github` writes: mention in, pull request out.

It runs as it stands on the default branch (`issue_comment` and `issues` always do), so neither a fork nor a branch
changes what runs. Nothing that a stranger wrote is put into a shell: the event is read from its file. The conditions
keep runs from starting in vain; `meta work --event` checks everything again, and asks GitHub who may push.
"""

from __future__ import annotations

from meta.errors import ExitCode, MetaError
from meta.settings import GitHubSettings

WORKER_WORKFLOW_PATH = ".github/workflows/meta-worker.yml"

WORKER_WORKFLOW = """\
# Runs the worker when somebody with write access writes "{mention}" on an issue, or sets the label "{label}".
# Written by `meta init --github`; docs/github.md explains every permission.
name: meta worker
on:
  issue_comment:
    types: [created]
  issues:
    types: [labeled]
permissions: {{}}
jobs:
  work:
    if: >-
      !github.event.repository.fork && github.event.sender.type == 'User' && !github.event.issue.pull_request &&
      ((github.event_name == 'issue_comment' &&
      contains(github.event.comment.body, '{mention}') &&
      contains(fromJSON('["OWNER", "MEMBER", "COLLABORATOR"]'), github.event.comment.author_association)) ||
      (github.event_name == 'issues' && github.event.label.name == '{label}'))
    runs-on: ubuntu-latest
    timeout-minutes: 60
    permissions:
      contents: write        # push the branch work/issue-N
      issues: write          # read the issue, report on it
      pull-requests: write   # open the pull request
    concurrency:
      group: meta-worker-${{{{ github.event.issue.number }}}}
      cancel-in-progress: false
    steps:
      - uses: actions/checkout@v4
        with:
          ref: ${{{{ github.event.repository.default_branch }}}}
          fetch-depth: 0
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: install meta
        run: python -m pip install --quiet "${{META_PACKAGE:?set the repository variable META_PACKAGE}}"
        env:
          META_PACKAGE: ${{{{ vars.META_PACKAGE }}}}
      - name: work
        run: meta work --event "$GITHUB_EVENT_PATH" --pr
        env:
          GITHUB_TOKEN: ${{{{ github.token }}}}
          ANTHROPIC_API_KEY: ${{{{ secrets.ANTHROPIC_API_KEY }}}}
          ANTHROPIC_BASE_URL: ${{{{ vars.ANTHROPIC_BASE_URL }}}}
          ANTHROPIC_MODEL: ${{{{ vars.ANTHROPIC_MODEL }}}}
"""


def render_workflow(settings: GitHubSettings) -> str:
    """Return the text of the file.

    Raises `MetaError` for a mention or label with quotes, braces or dollars: they would end the strings they stand in.
    """
    for text in (settings.mention, settings.label):
        if not text or any(c in text for c in "'\"\n{}$"):
            raise MetaError(
                f"{text!r} cannot be used in a workflow: it has quotes, braces or dollars, or is empty",
                "change github.mention or github.label in meta.toml",
                ExitCode.USAGE,
            )
    return WORKER_WORKFLOW.format(mention=settings.mention, label=settings.label)
