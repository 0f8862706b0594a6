"""Which linters a ticket's checks need besides what its tests' environment holds, and in which version."""

from __future__ import annotations

from collections.abc import Iterable

from meta.replay.acceptance.configured import configured
from meta.replay.acceptance.pre_commit import FILE, Hook, hooks
from meta.tickets.declared import lists, without_local
from meta.tickets.requirements import requirement_name
from meta.tickets.sources import Tree

Linters = tuple[tuple[str, tuple[str, ...]], ...]
"""Programs, each with what is to be installed for it."""


def linters(base: Tree, packages: Iterable[str], runtime: Iterable[str] = ()) -> Linters:
    """The programs that the base configures and that `packages`, those of its tests, do not give as it wants them.

    The version is that of `.pre-commit-config.yaml`, else the one that any list of the project's requirements names,
    else open: it is resolved as of the base's day. `runtime` is what the project itself requires, for a type checker.
    """
    hooked = hooks(base.text(FILE))
    present = {requirement_name(requirement) for requirement in packages}
    found: dict[str, tuple[str, ...]] = {}
    for tool in configured(base.text):
        hook = hooked.get(tool.name) or Hook(tool.name)
        wanted = _wanted(tool.program, hook, base, present, tuple(runtime))
        if wanted and tool.program not in found:
            found[tool.program] = wanted
    return tuple(found.items())


def _wanted(program: str, hook: Hook, base: Tree, present: set[str], runtime: tuple[str, ...]) -> tuple[str, ...]:
    """What to install for one program; nothing where the tests' environment will do, or nobody says how it is run."""
    if program in present and (not hook.version or program == "mypy"):  # there mypy sees the project's packages
        return ()
    plugins = tuple(without_local(hook.plugins))
    if hook.version:
        return (f"{program}=={hook.version}", *plugins)
    for requirements in lists(base):
        named = [r for r in without_local(requirements) if requirement_name(r) == program]
        if named and program == "mypy":  # the types of other packages stand beside it
            return tuple(dict.fromkeys((*without_local(requirements), *without_local(runtime))))
        if named:
            return (named[0], *plugins)
    if any(requirement_name(plugin) == program for plugin in plugins):
        return plugins
    return (program, *plugins) if program != "mypy" or hook.pinned else ()
