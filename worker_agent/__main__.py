"""Run the agent on one ticket, and make a branch of what it submits.

    python -m worker_agent TICKET.md --repo PATH

Makes a branch with one commit in the repository, without touching its working tree; prints the summary, and writes the
transcript. Exit codes: 0 submitted, 1 the run ended otherwise, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from safeguards.masking import mask_secrets
from safeguards.terminal_text import show_controls
from worker_agent.agent import run_agent
from worker_agent.branch import branch_name, make_branch
from worker_agent.foreign_tree import temporary_folder
from worker_agent.git import GitError, run_git_as_user
from worker_agent.model import MessagesModel, ModelEndpoint, ModelMisconfigured
from worker_agent.records import Brief, Environment, Event, Limits, Submission
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import SandboxUnavailable, interpreter_mounts
from worker_agent.surface import DEFAULT_ROOT, BadSurface, load_surface
from worker_agent.workspace import BadBase, make_template, open_workspace


def read_brief(text: str) -> Brief:
    """Read a Markdown ticket: its first line is the title, the rest the body."""
    title, _, body = text.strip().partition("\n")
    return Brief(title=title.lstrip("# ").strip(), body=body.strip())


def run_worker_agent(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _build_parser().parse_args(argv)
    try:
        return _run_from_arguments(args)
    except (OSError, UnicodeDecodeError) as error:
        return _fail(f"{error}", 2)
    except (BadBase, BadSurface, GitError, SandboxUnavailable, ModelMisconfigured) as error:
        return _fail(str(error), 1)


def _run_from_arguments(args: argparse.Namespace) -> int:
    text = Path(args.ticket).read_text("utf-8")
    if not text.strip():
        return _fail(f"{args.ticket} is empty; its first line should be the title of the ticket", 2)
    brief, repository = read_brief(text), Path(args.repo)
    if not repository.is_dir():
        return _fail(f"no repository at {repository}", 2)
    if args.base == "HEAD" and (dirty := run_git_as_user("status", "--porcelain", cwd=repository).splitlines()):
        return _fail(
            f"{repository} has uncommitted changes ({dirty[0][3:]}{', ...' if len(dirty) > 1 else ''}), and the agent "
            "starts from a commit. Commit or stash them, or use `--base REV` to start from that commit anyway.",
            1,
        )
    transcript = Path(args.transcript or f"{Path(args.ticket).stem}.transcript.jsonl")
    done = _work(args, brief, repository, transcript)
    used = f"{done.usage.calls} calls, {done.usage.tokens} tokens, {done.seconds:.0f} s"
    if done.usage.usd is not None:
        used += f", ${done.usage.usd:.4f}"
    _print(f"transcript: {transcript}\n{used}, model: {done.model or 'none answered'}")
    if done.ended != "submitted":
        return _fail(f"not submitted ({done.ended.replace('_', ' ')}): {done.detail}", 1)
    branch = make_branch(repository, args.base, brief, done, args.branch or branch_name(brief))
    _print(f"\n{done.summary}\n\nbranch {branch} in {repository}: `git diff {args.base}..{branch}`")
    return 0


def _work(args: argparse.Namespace, brief: Brief, repository: Path, transcript: Path) -> Submission:
    surface = load_surface(Path(args.surface))
    model = MessagesModel(ModelEndpoint(model=args.model, base_url=args.base_url))
    sandbox = open_sandbox(args.sandbox)
    if sandbox.name == "none":
        print("warning: no sandbox; the agent's commands run as you, with your network and files", file=sys.stderr)
    python = Path(args.python).absolute()
    environment = Environment(
        mounts=(python.parent.parent, *(mount.source for mount in interpreter_mounts())),
        path=(str(python.parent),),
        checks=tuple(args.check),
        test_command=args.test_command,
    )
    with temporary_folder(None, "work-") as folder, transcript.open("w", encoding="utf-8") as lines:

        def record(event: Event) -> None:
            lines.write(mask_secrets(json.dumps(event)) + "\n")
            lines.flush()

        template = make_template(repository, args.base, folder / "templates")
        return run_agent(
            brief,
            surface=surface,
            model=model,
            workspace=open_workspace(template, folder / "run"),
            sandbox=sandbox,
            environment=environment,
            limits=Limits(turns=args.turns, usd=args.usd, tokens=args.tokens, seconds=args.seconds),
            record=record,
        )


def _build_parser() -> argparse.ArgumentParser:
    description = "Run the agent on one ticket, and make a branch of what it submits."
    parser = argparse.ArgumentParser(prog="python -m worker_agent", description=description)
    add, defaults = parser.add_argument, Limits()
    add("ticket", help="Markdown file: the first line is the title, the rest the body")
    add("--repo", default=".", help="repository to work on (default: the current folder)")
    add("--base", default="HEAD", help="commit to start from (default: HEAD, with a clean working tree)")
    add("--branch", help="name of the branch to make (default: work/TITLE)")
    add("--surface", default=str(DEFAULT_ROOT), help="folder with agent.toml, prompts/ and tools/")
    add("--model", default=os.environ.get("ANTHROPIC_MODEL", ""), help="model id (default: $ANTHROPIC_MODEL)")
    add(
        "--base-url",
        default=os.environ.get("ANTHROPIC_BASE_URL", ""),
        help="server that speaks the Messages API (default: $ANTHROPIC_BASE_URL); the key is in $ANTHROPIC_API_KEY",
    )
    add("--python", default=sys.executable, help="interpreter that has what the repository's tests need")
    add("--test-command", default="python -m pytest -q", help="what the run_tests tool runs (default: %(default)s)")
    add("--check", action="append", default=[], help="command that the change must not make fail (repeatable)")
    add("--sandbox", default="bubblewrap", help="bubblewrap (the default), podman, docker, or none (no isolation)")
    add("--transcript", help="file to write the transcript to, as JSON lines (default: TICKET.transcript.jsonl)")
    add("--turns", type=int, default=defaults.turns, help="limit on model calls (default: %(default)s)")
    add("--tokens", type=int, default=defaults.tokens, help="limit on tokens (default: %(default)s)")
    add("--usd", type=float, default=defaults.usd, help="limit on cost, in US dollars (default: %(default)s)")
    add("--seconds", type=float, default=defaults.seconds, help="limit on time, in seconds (default: %(default)s)")
    return parser


def _fail(message: str, code: int) -> int:
    _print(f"error: {message}", sys.stderr)
    return code


def _print(text: str, stream: TextIO | None = None) -> None:
    """Print a text without secrets, and without what acts on a terminal."""
    print(mask_secrets(show_controls(text)), file=stream)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        try:
            sys.exit(run_worker_agent())
        except KeyboardInterrupt:
            sys.exit(_fail("stopped; the repository was not changed", 130))
