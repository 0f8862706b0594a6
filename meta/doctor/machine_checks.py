"""Checks one by one what `meta` needs on this machine and in the settings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from meta.errors import MetaError
from meta.settings import Settings
from meta.surfaces.versions import Version
from worker_agent.sandbox.job import Sandbox, SandboxUnavailable
from worker_agent.surface import BadSurface


@dataclass(frozen=True)
class MachineCheck:
    """One thing that was looked at, and how to fix it where it is not good."""

    good: bool
    what: str
    remedy: str = ""


def check_machine(
    settings: Settings, open_sandbox: Callable[[], Sandbox], read_head: Callable[[], Version]
) -> Iterator[MachineCheck]:
    """Check programs, sandbox, agent, model service and repositories, one by one.

    `open_sandbox` opens the sandbox of the settings, and `read_head` reads the version in use; both may raise.
    """
    for program in ("git", "prlimit"):
        found = shutil.which(program)
        yield MachineCheck(bool(found), f"{program}: {found or 'missing'}", "" if found else f"install {program}")
    yield from _check_sandbox(open_sandbox)
    if settings.replay.sandbox != "bubblewrap":
        yield _check_builds()
    yield _check_agent(settings, read_head)
    yield _check_model(settings)
    for repository in settings.repositories:
        path = settings.root / repository.path
        good = path.is_dir()
        yield MachineCheck(good, f"repository: {path}", "" if good else "clone it there, or fix meta.toml")


def _check_sandbox(open_sandbox: Callable[[], Sandbox]) -> Iterator[MachineCheck]:
    """Try to break out of the sandbox, one way after the other."""
    from meta.doctor.breakout import try_breakouts

    try:
        sandbox = open_sandbox()
    except MetaError as error:
        yield MachineCheck(False, f"sandbox: {error.message}", error.remedy)
        return
    for attempt in try_breakouts(sandbox):
        words = f"sandbox ({sandbox.name}): {attempt.what} {'held' if attempt.held else 'DID NOT HOLD'}"
        remedy = "" if attempt.held else f"do not rely on it: {attempt.seen or 'the attempt got through'}"
        yield MachineCheck(attempt.held, words, remedy)


def _check_builds() -> MachineCheck:
    """Try the sandbox that environments are built in, whatever replays run in."""
    from worker_agent.sandbox.discovery import open_sandbox

    try:
        sandbox = open_sandbox("bubblewrap")
    except SandboxUnavailable as missing:
        return MachineCheck(False, f"building environments: {missing.message}", missing.remedy)
    return MachineCheck(True, f"building environments: {sandbox.name}")


def _check_agent(settings: Settings, read_head: Callable[[], Version]) -> MachineCheck:
    try:
        version = read_head()
    except MetaError as error:
        return MachineCheck(False, f"agent: {error.message}", error.remedy)
    except BadSurface as error:
        return MachineCheck(False, f"agent: {error}", "fix the file and commit it")
    return MachineCheck(True, f"agent: version {version.id[:10]} in {settings.agent_repository}")


def _check_model(settings: Settings) -> MachineCheck:
    endpoint = settings.worker_endpoint()
    key = bool(os.environ.get(endpoint.key_variable))
    if not endpoint.model:
        return MachineCheck(False, "model: none is set", "set worker.model in meta.toml, or ANTHROPIC_MODEL")
    if not key and not endpoint.base_url:
        return MachineCheck(False, f"model: {endpoint.model}, but no key", f"export {endpoint.key_variable}=...")
    return MachineCheck(True, f"model: {endpoint.model} at {endpoint.base_url or 'Anthropic'}")
