"""The workflow that `meta init --github` writes: mention in, pull request out.

It runs as it stands on the default branch (`issue_comment` and `issues` always do), so neither a fork nor a branch
changes what runs. Nothing that a stranger wrote is put into a shell: the event is read from its file. The conditions
keep runs from starting in vain; `meta work --event` checks everything again, and asks GitHub who may push.
"""

from __future__ import annotations

from pathlib import Path

from meta.cli.output import print_result
from meta.errors import MetaError
from meta.settings_file import load_settings

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


def render_workflow(mention: str, label: str) -> str:
    """The file's text. Quotes in a mention or label would end the strings that they stand in."""
    for text in (mention, label):
        if not text or any(c in text for c in "'\"\n{}$"):
            raise ValueError(f"{text!r} cannot be used in a workflow: no quotes, braces or dollars")
    return WORKER_WORKFLOW.format(mention=mention, label=label)


def write_workflow(folder: Path, show: bool) -> None:
    """Write the workflow, or only print it. An existing one stays as it is. Raises `MetaError`."""
    settings = load_settings(folder).github
    try:
        text = render_workflow(settings.mention, settings.label)
    except ValueError as error:
        raise MetaError(str(error), "change github.mention or github.label in meta.toml", code=2) from None
    path = folder / WORKER_WORKFLOW_PATH
    if show:
        print_result(text)
        return
    if path.exists():
        raise MetaError(f"{path} is already there and stays as it is", "`meta init --github --show` prints it", code=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    print_result(
        f"{path} is written. Commit it to the default branch, and set the secret ANTHROPIC_API_KEY; see docs/github.md"
    )
