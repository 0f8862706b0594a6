"""Reads requirements files of pip, wherever a project keeps them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from meta.environments.commit_tree import CommitTree

_NAME = re.compile(r"requirements?|reqs?|deps|dependencies")
_FOLDER = re.compile(r"requirements?|reqs?")
"""Words that mark a requirements file, in its own name or in that of its folder."""

_FOR_ALL = frozenset({"base", "main", "common", "core", "default", "install", "runtime", "prod", "production", "app"})
_FOR_TESTS = frozenset({"test", "tests", "testing", "unittest", "unittests", "pytest"})
_FOR_DEVELOPERS = frozenset({"dev", "devel", "develop", "development", "developer", "ci", "local", "all"})
_PLACES = frozenset({"tools", "build", "config", "etc", "github", "pip", "conf", "files"})
"""Folders whose names say nothing about what a file in them is for."""


@dataclass(frozen=True)
class RequirementFiles:
    """The requirements files of a project, by what they are for."""

    runtime: tuple[str, ...]
    tests: tuple[str, ...]
    developers: tuple[str, ...]
    others: tuple[str, ...]


def find_requirement_files(tree: CommitTree) -> RequirementFiles:
    """Find the requirements files of the project itself, not those of its examples or parts.

    Where a file was compiled from another (`test.in` to `test.txt`), the one that a person wrote counts: packages are
    resolved as of the commit's day, and for the Python that is here.
    """
    found: dict[str, list[str]] = {"runtime": [], "tests": [], "developers": [], "others": []}
    for path in sorted(tree.files):
        stem, extension = posixpath.splitext(path)
        if extension not in (".txt", ".in", ".pip") or (extension != ".in" and f"{stem}.in" in tree.files):
            continue
        if purpose := _find_purpose(stem):
            found[purpose].append(path)
    return RequirementFiles(*(tuple(paths) for paths in found.values()))


def _find_purpose(stem: str) -> str:
    """Return what a file is for, told from the words of its path; empty if it is none of the project's own."""
    *folders, name = (set(re.split(r"[-_.\s]+", part.lower())) - {""} for part in stem.split("/"))
    above = set().union(*folders)
    marks = {word for word in above if _FOLDER.fullmatch(word)} | {word for word in name if _NAME.fullmatch(word)}
    if not marks or above - marks - _PLACES - _FOR_TESTS - _FOR_DEVELOPERS - _FOR_ALL:
        return ""
    rest = (above | name) - marks - _PLACES
    if rest <= _FOR_ALL:
        return "runtime"
    if rest <= _FOR_TESTS | _FOR_ALL:
        return "tests"
    return "developers" if rest <= _FOR_TESTS | _FOR_DEVELOPERS | _FOR_ALL else "others"


def read_requirement_file(tree: CommitTree, path: str) -> list[str]:
    """Return the requirements of a file and of those that it includes by `-r`.

    What its constraints (`-c`) say about one of them is added to the list.
    """
    lines = list(_read_lines(tree, path, frozenset()))
    requirements = [text for kind, text in lines if kind == "require"]
    names = {_name_of(text) for text in requirements}
    limits = [text for kind, text in lines if kind == "constrain" and _name_of(text) in names]
    return list(dict.fromkeys([*requirements, *limits]))


def _read_lines(tree: CommitTree, path: str, within: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield each requirement with "require", or "constrain" if it comes from a file of constraints."""
    path = posixpath.normpath(path)
    if path in within or len(within) > 8:
        return
    joined = re.sub(r"\\\r?\n", " ", tree.text(path))  # a line may go on in the next one
    for line in joined.splitlines():
        text = re.split(r"(?:^|\s)#", line.strip())[0]
        text = re.split(r"\s--?(?:hash|config-settings?|global-option|install-option)\b", text)[0].strip()
        if found := re.match(r"(-r|--requirement|-c|--constraint)[=\s]*(\S+)", text):
            nested = str(PurePosixPath(path).parent / found[2])
            for kind, requirement in _read_lines(tree, nested, within | {path}):
                yield ("constrain" if found[1].lstrip("-").startswith("c") else kind), requirement
        elif found := re.match(r"(?:-e|--editable)[=\s]*(\.\[[^\]]+\])", text):
            yield "require", found[1]
        elif text and not text.startswith("-"):
            yield "require", re.sub(r"\s+", " ", text)


def _name_of(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return ""


def split_setting(text: str) -> list[str]:
    """Return the lines of a setting that are neither empty nor comments."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def keep_strings(value: object) -> list[str]:
    """Return the texts of a list; empty for anything else."""
    return [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple, set)) else []


def read_all(tree: CommitTree, paths: Iterable[str]) -> list[str]:
    """Return the requirements of several files, each once."""
    return list(dict.fromkeys(requirement for path in paths for requirement in read_requirement_file(tree, path)))
