"""What is missing here, each with the fix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from meta.app import Context
from meta.errors import MetaError
from worker_agent.surface import BadSurface


@dataclass(frozen=True)
class MachineCheck:
    """One thing looked at."""

    good: bool
    what: str
    do: str = ""


def check_machine(context: Context) -> Iterator[MachineCheck]:
    """Look at programs, sandbox, the agent's repository, the model's service and the repositories of meta.toml."""
    for program in ("git", "prlimit"):
        found = shutil.which(program)
        yield MachineCheck(bool(found), f"{program}: {found or 'missing'}", "" if found else f"install {program}")
    yield from _sandbox(context)
    try:
        version = context.versions.head()
        yield MachineCheck(True, f"agent: version {version.id[:10]} in {context.settings.agent_repository}")
    except (MetaError, BadSurface) as error:
        yield MachineCheck(False, f"agent: {error}", getattr(error, "do", "mend the file and commit it"))
    yield _model(context)
    for repository in context.settings.repositories:
        path = context.settings.root / repository.path
        good = path.is_dir()
        yield MachineCheck(good, f"repository: {path}", "" if good else "clone it there, or mend meta.toml")


def _sandbox(context: Context) -> Iterator[MachineCheck]:
    """Try to break out of the sandbox, one way after the other."""
    from meta.doctor.breakout import try_breakouts

    try:
        sandbox = context.sandbox
    except MetaError as error:
        yield MachineCheck(False, f"sandbox: {error.message}", error.remedy)
        return
    for attempt in try_breakouts(sandbox):
        words = f"sandbox ({sandbox.name}): {attempt.what} {'held' if attempt.held else 'DID NOT HOLD'}"
        do = "" if attempt.held else f"do not rely on it: {attempt.seen or 'it came through'}"
        yield MachineCheck(attempt.held, words, do)


def _model(context: Context) -> MachineCheck:
    endpoint = context.settings.worker_endpoint()
    key = bool(os.environ.get(endpoint.key_variable))
    if not endpoint.model:
        return MachineCheck(False, "model: none is named", "set worker.model in meta.toml, or ANTHROPIC_MODEL")
    if not key and not endpoint.base_url:
        return MachineCheck(False, f"model: {endpoint.model}, but no key", f"export {endpoint.key_variable}=...")
    return MachineCheck(True, f"model: {endpoint.model} at {endpoint.base_url or 'Anthropic'}")
