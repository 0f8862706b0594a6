"""Projects that are attacked, whose tests decide in the many ways in which people write tests."""

from __future__ import annotations

from bench.cheats.project import Project
from bench.cheats.projects import calc_shapes, deciders, other_shapes, own_bases, support

PROJECTS = tuple(
    value
    for module in (calc_shapes, other_shapes, own_bases, support, deciders)
    for value in vars(module).values()
    if isinstance(value, Project)
)
