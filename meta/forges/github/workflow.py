"""The workflow that `meta init --github` writes: mention in, pull request out.

It always runs as it is on the default branch (`issue_comment` and `issues` do), so neither a fork nor a branch changes
what it runs. Nothing that a stranger wrote gets into a shell: the event is read from its file. The conditions only
avoid useless runs; `meta work --event` checks everything again, and asks GitHub who can push.
"""

from __future__ import annotations

from meta.errors import ExitCode, MetaError
from meta.settings import GitHubSettings
from meta.templates import fill_template

WORKER_WORKFLOW_PATH = ".github/workflows/meta-worker.yml"


def render_workflow(settings: GitHubSettings) -> str:
    """Return the text of the file.

    Raises `MetaError` for a mention or label with quotes, braces, dollars or line ends: they would end the strings they
    stand in.
    """
    for text in (settings.mention, settings.label):
        if not text.isprintable() or not text or any(c in text for c in "'\"\n{}$"):
            raise MetaError(
                f"{text!r} cannot be used in a workflow: it has quotes, braces, dollars or line ends, or is empty",
                "change github.mention or github.label in meta.toml",
                ExitCode.USAGE,
            )
    return fill_template(__package__, "meta-worker.yml", mention=settings.mention, label=settings.label)
