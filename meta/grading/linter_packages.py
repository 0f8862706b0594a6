"""Finds which linters a ticket's checks need installed, and in which version."""

from __future__ import annotations

from collections.abc import Iterable

from meta.environments.commit_tree import CommitTree
from meta.grading.acceptance.configured_tools import find_configured_tools
from meta.grading.acceptance.pre_commit import PRE_COMMIT_FILE, Hook, read_hooks
from meta.languages.python.declared_packages import drop_local_requirements, requirement_lists_of
from meta.languages.python.requirements import requirement_name_of

LinterPackages = tuple[tuple[str, tuple[str, ...]], ...]
"""Programs, each with the packages to install for it."""


def find_linter_packages(base: CommitTree, packages: Iterable[str], runtime: Iterable[str] = ()) -> LinterPackages:
    """Return the programs that the base configures but its packages do not provide.

    The version is that of `.pre-commit-config.yaml`, otherwise the one that any list of the project's requirements
    names, otherwise open: then it is resolved as of the base's day. `packages` are those of the tests; `runtime` is
    what the project itself requires, for a type checker.
    """
    hooked = read_hooks(base.text(PRE_COMMIT_FILE))
    present = {requirement_name_of(requirement) for requirement in packages}
    found: dict[str, tuple[str, ...]] = {}
    for tool in find_configured_tools(base.text):
        hook = hooked.get(tool.name) or Hook()
        wanted = _choose_packages(tool.program, hook, base, present, tuple(runtime))
        if wanted and tool.program not in found:
            found[tool.program] = wanted
    return tuple(found.items())


def _choose_packages(
    program: str, hook: Hook, base: CommitTree, present: set[str], runtime: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what to install for one program.

    That is nothing if the tests' environment has it, or if nobody says how to run it.
    """
    if program in present and (not hook.version or program == "mypy"):  # there mypy sees the project's packages
        return ()
    plugins = tuple(drop_local_requirements(hook.plugins))
    if hook.version:
        return (f"{program}=={hook.version}", *plugins)
    for requirements in requirement_lists_of(base):
        named = [r for r in drop_local_requirements(requirements) if requirement_name_of(r) == program]
        if named and program == "mypy":  # the types of other packages stand beside it
            return tuple(dict.fromkeys((*drop_local_requirements(requirements), *drop_local_requirements(runtime))))
        if named:
            return (named[0], *plugins)
    if any(requirement_name_of(plugin) == program for plugin in plugins):
        return plugins
    return (program, *plugins) if program != "mypy" or hook.pinned else ()
