"""The commands to start with: the demo, the set-up, and a check of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.cli.options import HERE, JSON_OPTION, SEED_OPTION, SHOW_OPTION, resolve_given
from meta.cli.output import print_json, print_result, report
from meta.errors import ExitCode, MetaError


def demo_command(
    keep: Annotated[
        Path | None,
        typer.Option(metavar="PATH", callback=resolve_given, help="Folder to keep the demo in; default: meta-demo."),
    ] = None,
    seed: SEED_OPTION = 7,
    as_json: JSON_OPTION = False,
    sandbox: Annotated[str, typer.Option(metavar="NAME", help="bubblewrap, or none for no isolation.")] = "bubblewrap",
) -> None:
    """Run the whole loop on a built-in example, offline.

    The model is a scripted stand-in and needs no key; git, sandbox, tests, gate and review are real.
    """
    from meta.demo.tour import closing_words, run_demo

    result = run_demo(keep or Path("meta-demo"), seed=seed, sandbox=sandbox, report=report)
    if as_json:
        print_json(result.to_json())
    else:
        print_result(closing_words(result))


def init_command(
    show: SHOW_OPTION = False,
    github: Annotated[bool, typer.Option("--github", help="Write the workflow that runs the agent on GitHub.")] = False,
    agent: Annotated[bool, typer.Option(help="Copy the built-in agent here if there is none.")] = True,
) -> None:
    """Set up meta.toml and, if you have none, an agent.

    meta.toml shows and explains every setting. The agent is a copy of the built-in one: agent.toml, prompts/ and
    tools/, in a git repository. Existing files are left as they are.
    """
    from meta.settings_file import render_settings

    if github:
        _set_up_workflow(show)
    elif show:
        print_result(render_settings())
    else:
        _set_up_folder(agent)


def doctor_command(as_json: JSON_OPTION = False) -> None:
    """Check this machine and your settings.

    It tries to break out of the sandbox in every way we know. Each problem comes with its fix.
    """
    from meta.app import open_readonly
    from meta.doctor.machine_checks import check_machine

    checks = []
    with open_readonly(HERE, report) as app:
        for check in check_machine(app.settings, lambda: app.sandbox, lambda: app.versions.head()):
            checks.append(check)
            if not as_json:
                print_result(f"{'ok  ' if check.good else 'BAD '} {check.what}")
            if check.remedy and not as_json:
                print_result(f"       -> {check.remedy}")
    good = all(check.good for check in checks)
    if as_json:
        print_json({"ok": good, "checks": [{"ok": c.good, "what": c.what, "fix": c.remedy} for c in checks]})
    if not good:
        raise typer.Exit(ExitCode.FAILED)


def _set_up_workflow(show: bool) -> None:
    from meta.forges.github.workflow import WORKER_WORKFLOW_PATH, render_workflow
    from meta.settings_file import load_settings

    text = render_workflow(load_settings(HERE).github)
    path = HERE / WORKER_WORKFLOW_PATH
    if show:
        print_result(text)
        return
    if path.exists():
        raise MetaError(
            f"{path} already exists; it was not changed",
            "`meta init --github --show` prints a new one",
            ExitCode.NOTHING_TO_DO,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    print_result(
        f"wrote {path}; commit it to the default branch, and set the secret ANTHROPIC_API_KEY (see docs/github.md)"
    )


def _set_up_folder(with_agent: bool) -> None:
    from meta.settings_file import SETTINGS_FILE, load_settings, render_settings
    from meta.surfaces import starter

    path, written = HERE / SETTINGS_FILE, []
    if not path.exists():
        path.write_text(render_settings(), "utf-8")
        written.append(SETTINGS_FILE)
    settings = load_settings(HERE)
    here, surface = HERE.resolve(), settings.agent_repository / settings.worker.surface
    if with_agent and settings.agent_repository == here and not surface.exists():
        starter.copy_starter_agent(surface)
        written.append(f"{settings.worker.surface}/")
        if starter.ignore_records(HERE):
            written.append(".gitignore")
    if not written:
        raise MetaError(
            f"{path} already exists; it was not changed", "`meta init --show` prints a new one", ExitCode.NOTHING_TO_DO
        )
    print_result(f"wrote {', '.join(written)}")
    if len(written) > 1:
        _set_up_repository(here, written)
    print_result("next: name your repositories in meta.toml, then run `meta doctor`")


def _set_up_repository(here: Path, written: list[str]) -> None:
    """Put the new agent into a git repository if it is in none, and say what to commit."""
    from meta.surfaces import starter

    root = starter.enclosing_repository(here)
    if root is None:
        starter.make_repository(here)
        print_result("made this folder a git repository")
    elif root != here:
        print_result(
            f"this folder is inside the git repository {root}: run `git init` here, or set worker.repository and "
            "worker.surface in meta.toml to where the agent is in that one"
        )
    print_result(f"commit the agent, because meta uses what is committed:\n  git add {' '.join(written)}")
    print_result('  git commit -m "The agent"')
