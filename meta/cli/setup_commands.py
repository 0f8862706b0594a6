"""DOCSTRING meta.cli.entry.setup_commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.cli.output import HERE, SANDBOX_OPTION, make_json_option, print_result, report


def demo_command(
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Folder to leave the demo in (default: meta-demo).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the stand-in's luck.")] = 7,
    as_json: Annotated[bool, make_json_option()] = False,
    sandbox: SANDBOX_OPTION = "bubblewrap",
) -> None:
    """The whole loop on a built-in example with a stand-in for the model: no key, no network."""
    from meta.demo.tour import run_demo

    run_demo(keep or Path("meta-demo"), seed=seed, as_json=as_json, sandbox=sandbox)


def init_command(
    show: Annotated[bool, typer.Option("--show", help="Only print what would be written.")] = False,
    github: Annotated[
        bool, typer.Option("--github", help="Write the workflow that runs the worker on a mention or label.")
    ] = False,
) -> None:
    """Write a meta.toml with every setting explained."""
    from meta.errors import MetaError
    from meta.settings_file import SETTINGS_FILE, render_settings

    if github:
        from meta.forges.github.workflow import write_workflow

        write_workflow(HERE, show)
        return
    if show:
        print_result(render_settings())
        return
    path = HERE / SETTINGS_FILE
    if path.exists():
        raise MetaError(f"{path} already exists; it was not changed", "`meta init --show` prints a new one", code=3)
    path.write_text(render_settings(), "utf-8")
    print_result(
        f"wrote {path}; name your repositories in it, then run `meta ingest-feedback` and `meta tickets mine PATH`"
    )


def doctor_command() -> None:
    """Say what is missing on this machine or in the settings, and the fix."""
    from meta.app import open_readonly
    from meta.doctor.machine_checks import check_machine

    with open_readonly(HERE, report) as app:
        bad = 0
        for finding in check_machine(app.context):
            print_result(
                f"{'ok  ' if finding.good else 'BAD '} {finding.what}"
                + (f"\n       -> {finding.do}" if finding.do else "")
            )
            bad += not finding.good
    if bad:
        raise typer.Exit(1)
