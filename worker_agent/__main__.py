"""Run the worker on one ticket: `python -m worker_agent TICKET.md --repo PATH`.

Makes a branch with one commit in the repository (its working tree is not touched), prints the summary, and writes the
transcript. Exit codes: 0 submitted, 1 the run ended otherwise, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from worker_agent.agent import run_agent
from worker_agent.branch import branch_name, make_branch
from worker_agent.git import GitError, run_git
from worker_agent.model import MessagesModel, ModelEndpoint, ModelMisconfigured
from worker_agent.records import Brief, Environment, Event, Limits
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import SandboxUnavailable, interpreter_mounts
from worker_agent.surface import DEFAULT_ROOT, BadSurface, load_surface
from worker_agent.workspace import BadBase, make_template, open_workspace


def read_brief(text: str) -> Brief:
    """A Markdown ticket: its first line (heading or not) is the title, the rest the body."""
    title, _, body = text.strip().partition("\n")
    return Brief(title=title.lstrip("# ").strip(), body=body.strip())


def run_worker_agent(argv: Sequence[str] | None = None) -> int:
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
    brief, surface = read_brief(text), load_surface(Path(args.surface))
    repository = Path(args.repo)
    if not repository.is_dir():
        return _fail(f"there is no repository at {repository}", 2)
    if args.base == "HEAD" and (dirty := run_git("status", "--porcelain", cwd=repository).splitlines()):
        return _fail(
            f"{repository} has uncommitted changes ({dirty[0][3:]}{', ...' if len(dirty) > 1 else ''}); the worker "
            "starts from a commit. Commit or stash them, or say `--base REV` to start from that commit as it is.",
            1,
        )
    model = MessagesModel(ModelEndpoint(model=args.model, base_url=args.base_url))
    sandbox = open_sandbox(args.sandbox)
    if sandbox.name == "none":
        print(
            "warning: no sandbox; the worker's commands run as you, with your network and files",
            file=sys.stderr,
        )
    python = Path(args.python).absolute()
    environment = Environment(
        mounts=(python.parent.parent, *(m.source for m in interpreter_mounts())),
        path=(str(python.parent),),
        checks=tuple(args.check),
        test_command=args.test_command,
    )
    limits = Limits(turns=args.turns, usd=args.usd, tokens=args.tokens, seconds=args.seconds)
    transcript = Path(args.transcript or f"{Path(args.ticket).stem}.transcript.jsonl")
    with (
        tempfile.TemporaryDirectory(prefix="work-") as folder,
        transcript.open("w", encoding="utf-8") as lines,
    ):

        def record(event: Event) -> None:
            lines.write(json.dumps(event) + "\n")
            lines.flush()

        template = make_template(repository, args.base, Path(folder) / "templates")
        workspace = open_workspace(template, Path(folder) / "run")
        done = run_agent(
            brief,
            surface=surface,
            model=model,
            workspace=workspace,
            sandbox=sandbox,
            environment=environment,
            limits=limits,
            record=record,
        )
    spent = f"{done.usage.calls} calls, {done.usage.tokens} tokens, {done.seconds:.0f} s"
    if done.usage.usd is not None:
        spent += f", ${done.usage.usd:.4f}"
    print(f"transcript: {transcript}\n{spent}, answered by {done.model or 'nobody'}")
    if done.ended != "submitted":
        return _fail(f"not submitted ({done.ended.replace('_', ' ')}): {done.detail}", 1)
    branch = make_branch(repository, args.base, brief, done, args.branch or branch_name(brief))
    print(f"\n{done.summary}\n\nbranch {branch} in {repository}: `git diff {args.base}..{branch}`")
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker_agent", description=__doc__.split("\n")[0])
    parser.add_argument("ticket", help="Markdown file: the first line is the title, the rest the body")
    parser.add_argument("--repo", default=".", help="the repository to work on (default: here)")
    parser.add_argument(
        "--base", default="HEAD", help="commit to start from (default: HEAD, with a clean working tree)"
    )
    parser.add_argument("--branch", help="name of the branch to make (default: work/TITLE)")
    parser.add_argument("--surface", default=str(DEFAULT_ROOT), help="folder with agent.toml, prompts/ and tools/")
    parser.add_argument("--model", default=os.environ.get("ANTHROPIC_MODEL", ""), help="model id ($ANTHROPIC_MODEL)")
    parser.add_argument(
        "--base-url",
        default=os.environ.get("ANTHROPIC_BASE_URL", ""),
        help="a server that speaks the Messages API ($ANTHROPIC_BASE_URL); the key is read from $ANTHROPIC_API_KEY",
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter with what the repository's tests need")
    parser.add_argument("--test-command", default="python -m pytest -q", help="what the run_tests tool runs")
    parser.add_argument("--check", action="append", default=[], help="command that must not get worse (repeatable)")
    parser.add_argument("--sandbox", default="bubblewrap", help="bubblewrap, podman, docker, or none (no isolation)")
    parser.add_argument("--transcript", help="where to write the transcript (JSON lines)")
    defaults = Limits()
    parser.add_argument("--turns", type=int, default=defaults.turns, help="model calls (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=defaults.tokens, help="tokens (default: %(default)s)")
    parser.add_argument("--usd", type=float, default=defaults.usd, help="dollars (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="wall clock (default: %(default)s)")
    return parser


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        try:
            sys.exit(run_worker_agent())
        except KeyboardInterrupt:
            sys.exit(_fail("stopped; nothing was changed in the repository", 130))
