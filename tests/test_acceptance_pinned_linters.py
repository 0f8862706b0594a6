"""Linters that a project has outside its tests' environment: pinned for pre-commit, or in lists of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.environments.commit_tree import CommitTree
from meta.environments.environment import build_environment
from meta.grading.acceptance.checks import list_known_checks, run_tools
from meta.grading.acceptance.pre_commit import read_hooks
from meta.grading.acceptance.submission_change import compare_with_base
from meta.grading.linter_packages import LinterPackages, find_linter_packages
from meta.records.ticket import EnvironmentSpec
from tests.repositories import CALC, Files, Repository, write
from worker_agent.workspace import open_workspace

HOOKS = """\
exclude: ^generated/
repos:
- repo: https://example.org/astral/ruff-pre-commit
  rev: v0.4.1
  hooks:
  - id: ruff
    args: [--fix, --exit-non-zero-on-fix, --line-length, "60", src, -q]
  - id: ruff-format
- repo: https://example.org/psf/black
  rev: 552baf822992936134cbd31a38f69c8cfe7c0f05  # frozen: 24.3.0
  hooks:
  - id: black
    files: ^src/
- repo: https://example.org/pre-commit/pre-commit-hooks
  rev: v2.1.0
  hooks:
  - id: flake8
    additional_dependencies: [flake8-bugbear==24.2.6]
- repo: https://example.org/pre-commit/mirrors-mypy
  rev: v1.9.0
  hooks:
  - id: mypy
    additional_dependencies: [types-requests]
"""


def needed(folder: Path, files: Files, *packages: str, runtime: tuple[str, ...] = ()) -> LinterPackages:
    shop = Repository(folder, {**CALC, **files})
    return find_linter_packages(CommitTree(shop.path, shop.base), packages, runtime)


def test_pins_of_pre_commit_are_taken_with_the_plugins(tmp_path: Path) -> None:
    assert needed(tmp_path, {".pre-commit-config.yaml": HOOKS}, "pytest", "ruff") == (
        ("ruff", ("ruff==0.4.1",)),
        ("black", ("black==24.3.0",)),
        ("flake8", ("flake8", "flake8-bugbear==24.2.6")),  # the version of those hooks is not flake8's
        ("mypy", ("mypy==1.9.0", "types-requests")),
    )


def test_arguments_and_the_choice_of_files_are_the_hooks() -> None:
    found = read_hooks(HOOKS)
    assert found["ruff"].arguments == ("--line-length", "60")
    assert found["mypy"].arguments == ("--ignore-missing-imports", "--scripts-are-modules")
    assert (found["black"].only, found["black"].never) == ("^src/", ("^generated/",))


@pytest.mark.parametrize(
    "text", ["", "repos: 3", "repos: [3, {hooks: [{id: 5}]}]", "a: [", "repos:\n- hooks: {id: black}"]
)
def test_a_configuration_that_is_none_configures_nothing(text: str) -> None:
    assert read_hooks(text) == {}


def test_other_lists_of_the_project_give_the_version(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "[tool.ruff]\nline-length = 60\n[dependency-groups]\nlint = ['ruff==0.4.2', 'codespell']\n",
        "mypy.ini": "[mypy]\nstrict = true\n",
        "requirements-mypy.txt": "mypy==1.9.0\ntypes-requests\n",
    }
    assert needed(tmp_path, files, "pytest", runtime=("click",)) == (
        ("ruff", ("ruff==0.4.2",)),
        ("mypy", ("mypy==1.9.0", "types-requests", "click")),
    )


def test_what_nobody_pins_is_resolved_as_of_the_day_and_a_type_checker_nobody_lists_is_left(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[tool.black]\nline-length = 60\n[tool.mypy]\nstrict = true\n"}
    assert needed(tmp_path, files, "pytest") == (("black", ("black",)),)


def test_what_the_tests_environment_holds_is_not_built_again(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[tool.ruff]\nline-length = 60\n[tool.mypy]\nstrict = true\n"}
    assert needed(tmp_path, files, "pytest", "ruff>=0.4", "mypy") == ()


@pytest.mark.slow
def test_pinned_linters_run_in_the_sandbox_with_the_hooks_arguments(tmp_path: Path) -> None:
    text = HOOKS.replace("^src/", "calc")
    shop = Repository(tmp_path, {**CALC, ".pre-commit-config.yaml": text})
    spec = EnvironmentSpec(packages=("pytest",), exclude_newer="2024-05-01", project=False)
    spec = spec.model_copy(update={"linters": find_linter_packages(CommitTree(shop.path, shop.base), spec.packages)})
    environment = build_environment(spec, shop.path, shop.base, tmp_path / "cache")
    bench = shop.bench(environment)
    names = ("ruff", "ruff-format", "black", "flake8", "mypy")
    assert set(names) <= set(list_known_checks(bench))
    root = open_workspace(shop.template, tmp_path / "work").root
    untyped = "\n\n\ndef mul(a, b):\n    return a * b\n"
    write(root, {"calc.py": f"import os\n\n\ndef add(a: int, b: int) -> str:\n    return a  +  b{untyped}"})
    found = {
        f.check: (f.verdict, f.reason) for f in run_tools(names, compare_with_base(root, shop.template.tree), bench)
    }
    assert {name: verdict for name, (verdict, _) in found.items()} == dict.fromkeys(names, "failed"), found
    assert "F401" in found["ruff"][1]
    assert "Incompatible return value type" in found["mypy"][1]
    again = build_environment(spec, shop.path, shop.base, tmp_path / "cache")
    assert again == environment
    assert len(list((tmp_path / "cache").glob("*/complete"))) == 5  # the tests', and one for each of four programs
