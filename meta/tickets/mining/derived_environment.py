"""Derives the environment from what the project declares, or its tests need."""

from __future__ import annotations

from pathlib import Path

from meta.environments.commit_tree import CommitTree
from meta.environments.workshop import Workshop
from meta.errors import MetaError
from meta.grading.linter_packages import find_linter_packages
from meta.languages.python.declared_packages import find_declared_packages
from meta.languages.python.requirements import derive_environment, derive_minimal_environment
from meta.project import Report
from meta.records.ticket import EnvironmentSpec
from meta.tickets.mining.change_sides import ChangeSides
from meta.tickets.mining.changes import MainlineChange


def derive_working_environment(
    repository: Path, change: MainlineChange, sides: ChangeSides, workshop: Workshop, report: Report
) -> EnvironmentSpec:
    """Return a spec that can be built, with the available linters.

    Raises `MetaError`, with uv's output for what the project declares, when not even the minimum can be built.
    """
    base = change.base_commit
    spec = derive_environment(repository, base, change.fix_commit, sides.test_files)
    try:
        workshop.environment(repository, base, spec)
    except MetaError as refused:
        bare = derive_minimal_environment(spec, repository, base, sides.test_files)
        if bare == spec:
            raise
        report("building the least that its tests need")
        try:
            workshop.environment(repository, base, bare)
        except MetaError:
            raise refused from None
        spec = bare
    return _add_linters(spec, repository, base, workshop, report)


def _add_linters(
    spec: EnvironmentSpec, repository: Path, base: str, workshop: Workshop, report: Report
) -> EnvironmentSpec:
    """Add the base's linters that are available; a missing one rejects no ticket."""
    tree = CommitTree(repository, base)
    for linter in find_linter_packages(tree, spec.packages, find_declared_packages(tree).runtime):
        more = spec.model_copy(update={"linters": (*spec.linters, linter)})
        try:
            workshop.environment(repository, base, more)
        except MetaError as refused:
            report(f"no check with {linter[0]}: {refused.message.strip().splitlines()[-1][:200]}")
        else:
            spec = more
    return spec
