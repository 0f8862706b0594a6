"""Reads the requirements that tox, Pipenv and conda are given, each in its own file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from meta.environments.commit_tree import CommitTree
from meta.languages.python.poetry_tables import read_pipfile_table
from meta.languages.python.project_tables import parse_ini, parse_toml
from meta.languages.python.requirement_files import keep_strings, read_requirement_file, split_setting

_CONDA = re.compile(
    r"^((ci|conda|requirements|continuous_integration|\.?devtools|\.?devtools/conda-envs)/)?"
    r"((?P<before>[\w.]+)[-_])?(environment|env)([-_.](?P<after>[\w.]+))?\.ya?ml$",
    re.IGNORECASE,
)
_FOR_TESTS = re.compile(r"^$|^(conda|ci|dev|develop|development|tests?|testing|py\d+|linux|ubuntu|all)$", re.IGNORECASE)

_CONDA_NAMES: Mapping[str, str] = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "matplotlib-base": "matplotlib",
    "pytables": "tables",
    "py-opencv": "opencv-python-headless",
    "opencv": "opencv-python-headless",
    "tensorflow-cpu": "tensorflow",
    "python-graphviz": "graphviz",
    "dask-core": "dask",
    "black-jupyter": "black",
    "python-build": "build",
    "pyqt": "PyQt5",
    "msgpack-python": "msgpack",
    "importlib_metadata": "importlib-metadata",
}
"""Packages of conda whose distribution has another name."""

_NOT_PYTHON = re.compile(
    r"python|pip|conda|mamba|conda-.*|(c|cxx|fortran|c-|cxx-|fortran-)compilers?|compilers|g(cc|xx|fortran).*|clang.*"
    r"|llvm.*|make|cmake|nodejs|npm|yarn|git|graphviz|pandoc|openmpi|mpich|mkl|openblas|blas|libblas|lib.*|hdf5|zlib"
    r"|openssl|nomkl|cudatoolkit|cuda.*|cudnn|ffmpeg|gdal|proj|geos|sqlite|curl|wget|r-.*|openjdk|rust|go|perl|postgresql"
)


def read_tox(tree: CommitTree) -> tuple[list[str], list[str]]:
    """Return the requirements of tox's `testenv`, and the extras that it installs."""
    section = _read_tox_sections(tree).get("testenv", {})
    return _read_tox_deps(tree, section), split_setting(section.get("extras", ""))


def tox_lists_of(tree: CommitTree) -> Iterator[list[str]]:
    """Yield the requirements of each of tox's environments."""
    for name, section in _read_tox_sections(tree).items():
        if name.startswith("testenv"):
            yield _read_tox_deps(tree, section)


def read_pipfile(tree: CommitTree) -> tuple[list[str], list[str], str]:
    """Return the packages of a Pipfile, those for developers, and the Python that it is for."""
    parsed = parse_toml(tree.text("Pipfile"))
    version = str(parsed.get("requires", {}).get("python_version", ""))
    python = f">={version}" if re.fullmatch(r"\d+(\.\d+)*", version) else ""
    tables = (parsed.get(name, {}) for name in ("packages", "dev-packages"))
    runtime, developers = (read_pipfile_table(table) if isinstance(table, dict) else [] for table in tables)
    return runtime, developers, python


def read_conda(tree: CommitTree) -> list[str]:
    """Return what conda's environments for development and tests hold, as far as an index of Python has it."""
    found = []
    for path in sorted(tree.files):
        if match := _CONDA.match(path):
            words = [word for word in (match["before"], match["after"]) if word]
            if all(_FOR_TESTS.match(word) for word in words):
                found += list(_read_conda_file(tree.text(path)))
    return found


def _read_conda_file(text: str) -> Iterator[str]:
    parsed: Any = None
    with contextlib.suppress(yaml.YAMLError):
        parsed = yaml.safe_load(text)
    entries = parsed.get("dependencies") if isinstance(parsed, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, str):
            yield from _translate_conda(entry)
        elif isinstance(entry, dict):
            yield from (text for text in keep_strings(entry.get("pip")) if not text.startswith("-"))


def _translate_conda(entry: str) -> Iterator[str]:
    """Yield the requirement of a conda spec such as "conda-forge::numpy=1.20=py38_0" or "numpy >=1.2,<2"."""
    found = re.fullmatch(r"(?:[\w./-]+::)?([A-Za-z0-9._-]+)(\[[^\]]*\])?\s*(.*)", entry.strip())
    if not found or _NOT_PYTHON.fullmatch(found[1].lower()):
        return
    version = found[3].strip()
    if version.startswith("=") and not version.startswith("=="):  # one "=" is a prefix, and a build may follow
        prefix = version.strip("=").split("=")[0].rstrip("*").rstrip(".")
        version = f"=={prefix}.*"
    elif re.match(r"[\d.*]+$", version):
        version = f"=={version}"
    else:
        version = re.split(r"\s+(?=[\w*]+$)", version)[0].split("|")[0]
    yield f"{_CONDA_NAMES.get(found[1].lower(), found[1])}{version.replace(' ', '')}"


def _read_tox_sections(tree: CommitTree) -> dict[str, dict[str, str]]:
    text = tree.text("tox.ini")
    if not text:
        project = parse_toml(tree.text("pyproject.toml")).get("tool", {}).get("tox", {})
        text = str(project.get("legacy_tox_ini", ""))
    return parse_ini(text)


def _read_tox_deps(tree: CommitTree, section: Mapping[str, str]) -> list[str]:
    deps = []
    for line in split_setting(section.get("deps", "")):
        factor, colon, rest = line.partition(":")
        conditional = bool(colon) and bool(re.fullmatch(r"[\w,!{}. -]+", factor)) and "://" not in line
        requirement = rest.strip() if conditional else line
        if conditional and ("!" in factor or re.search(r"(lowest|min|old|pypy|py2|dev|main)", factor)):
            continue
        if found := re.match(r"(?:-r|--requirement[= ])\s*(?:\{toxinidir\}/)?(\S+)", requirement):
            deps += read_requirement_file(tree, found[1])
        else:
            deps.append(requirement)
    return deps
