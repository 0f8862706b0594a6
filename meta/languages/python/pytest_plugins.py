"""Finds the pytest plugins without which a project's options stop pytest."""

from __future__ import annotations

import re
from collections.abc import Mapping

from meta.environments.commit_tree import CommitTree

_BY_OPTION: Mapping[str, str] = {
    r"--(no-)?cov\b": "pytest-cov",
    r"(^|[\s\"'])-n[\s=\"',]*(\d+|auto|logical)\b|--dist\b|--numprocesses|--maxprocesses": "pytest-xdist",
    r"--timeout\b|^\s*timeout(_method)?\s*=": "pytest-timeout",
    r"asyncio_mode|asyncio_default|--asyncio-mode": "pytest-asyncio",
    r"--benchmark": "pytest-benchmark",
    r"--reruns\b": "pytest-rerunfailures",
    r"--randomly|-p\s*no:randomly": "pytest-randomly",
    r"--random-order": "pytest-random-order",
    r"--doctest-plus|doctest_plus": "pytest-doctestplus",
    r"--mypy\b": "pytest-mypy",
    r"--flake8\b": "pytest-flake8",
    r"--black\b": "pytest-black",
    r"--isort\b": "pytest-isort",
    r"--ruff\b": "pytest-ruff",
    r"--html\b": "pytest-html",
    r"--checkdocs\b": "pytest-checkdocs",
    r"--enabler\b|pytest-enabler": "pytest-enabler",
    r"--disable-socket|--allow-hosts": "pytest-socket",
    r"--snapshot-": "syrupy",
    r"--ds\b|DJANGO_SETTINGS_MODULE": "pytest-django",
    r"mock_use_standalone_module": "pytest-mock",
    r"^\s*(env|D:)\s*=": "pytest-env",
    r"--sugar|-p\s*no:sugar": "pytest-sugar",
    r"--hypothesis-": "hypothesis",
    r"--codspeed": "pytest-codspeed",
    r"--import-check|--strict-xdoc|--xdoc": "xdoctest",
}


def find_pytest_plugins(tree: CommitTree) -> list[str]:
    """Return the distributions that the project's pytest configuration needs."""
    text = _read_configuration(tree)
    found = [name for pattern, name in _BY_OPTION.items() if re.search(pattern, text, re.MULTILINE)]
    if required := re.search(r"required_plugins\s*=\s*(\[[^\]]*\]|(?:.*\n?(?:[ \t]+.*\n?)*))", text):
        found += re.findall(r"pytest[-_][a-z0-9_-]+", required[1])
    return list(dict.fromkeys(found))


def _read_configuration(tree: CommitTree) -> str:
    parts = [tree.text(name) for name in tree.having(("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"))]
    for name, section in (
        ("tox.ini", r"pytest"),
        ("setup.cfg", r"tool:pytest"),
        ("pyproject.toml", r"tool\.pytest[^\]]*"),
    ):
        pattern = rf"^\[{section}\]\n(?:(?!^\[[a-z]).*\n?)*"
        parts += [found[0] for found in re.finditer(pattern, tree.text(name), re.MULTILINE)]
    return "\n".join(parts)
