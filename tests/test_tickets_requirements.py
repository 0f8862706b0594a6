"""What a project's tests need, found without running anything of it."""

from __future__ import annotations

from pathlib import Path

from meta.environments import interpreters
from meta.languages.python.requirements import derive_environment
from tests.repositories import Files, Repository


def packages(folder: Path, files: Files, *, tests: tuple[str, ...] = ()) -> tuple[str, ...]:
    shop = Repository(folder, files)
    return tuple(
        name for name in derive_environment(shop.path, shop.base, tests=tests).packages if name != "setuptools"
    )


def test_dependencies_test_extras_and_groups_of_pyproject_count(tmp_path: Path) -> None:
    text = """\
        [project]
        name = "shop"
        dependencies = ["click>=8"]
        [project.optional-dependencies]
        docs = ["sphinx"]
        tests = ["freezegun", "shop[extra]"]
        extra = ["rich"]
        [dependency-groups]
        test = ["hypothesis", {include-group = "more"}]
        more = ["trio"]
        lint = ["ruff"]
        """
    found = packages(tmp_path, {"pyproject.toml": text})
    assert found == ("click>=8", "freezegun", "hypothesis", "pytest", "rich", "trio")


def test_setup_cfg_setup_py_tox_and_requirements_files_count(tmp_path: Path) -> None:
    found = packages(
        tmp_path,
        {
            "setup.cfg": "[metadata]\nname = shop\n[options]\ninstall_requires =\n    six\n"
            "[options.extras_require]\ntest =\n    mock\n",
            "setup.py": "from setuptools import setup\nNEEDS = ['attrs']\nsetup(name='shop', install_requires=NEEDS)\n",
            "tox.ini": "[testenv]\ndeps =\n    -r more.txt\n    py38: flaky\n    pypy: nothing\n    .[docs]\n",
            "more.txt": "pyyaml  # for files\n-e .\n",
            "requirements-test.txt": "-r base.txt\ntornado>=6\n",
            "base.txt": "idna==3.1 --hash=sha256:abc\n",
        },
    )
    assert found == ("attrs", "flaky", "idna==3.1", "mock", "pytest", "pyyaml", "six", "tornado>=6")


def test_plugins_that_the_configured_options_need_are_added(tmp_path: Path) -> None:
    text = "[tool.pytest.ini_options]\naddopts = '--cov=shop -n auto --timeout=10'\nasyncio_mode = 'auto'\n"
    found = packages(tmp_path, {"pyproject.toml": text})
    assert found == ("pytest", "pytest-asyncio", "pytest-cov", "pytest-timeout", "pytest-xdist")


def test_what_tests_import_is_added_unless_python_or_the_project_has_it(tmp_path: Path) -> None:
    test = "import json\nimport yaml\nimport shop\nfrom tests import things\n"
    optional = "try:\n    import numpy\nexcept ImportError:\n    pass\n"
    files = {"tests/test_it.py": test + optional, "conftest.py": "import freezegun\n", "tests/things.py": ""}
    found = packages(tmp_path, {**files, "src/shop/__init__.py": ""}, tests=("tests/test_it.py",))
    assert found == ("PyYAML", "freezegun", "pytest")


def test_a_module_inside_a_package_is_not_taken_for_the_package_of_that_name(tmp_path: Path) -> None:
    files = {"shop/__init__.py": "", "shop/dialects/__init__.py": "", "shop/dialects/duckdb.py": "A = 1\n"}
    tests = {"tests/test_it.py": "import duckdb\nimport near\n", "tests/near.py": ""}
    assert packages(tmp_path, {**files, **tests}, tests=("tests/test_it.py",)) == ("duckdb", "pytest")


def test_one_computed_requirement_in_setup_py_does_not_hide_the_others(tmp_path: Path) -> None:
    text = "from setuptools import setup\nV = str(1)\nsetup(extras_require={'dev': ['duckdb'], 'c': [f'shop=={V}']})\n"
    assert packages(tmp_path, {"setup.py": text}) == ("duckdb", "pytest")


def test_what_the_fix_needs_and_the_base_did_not_is_added(tmp_path: Path) -> None:
    shop = Repository(tmp_path, {"requirements-test.txt": "pytest<8\n"})
    test = {"tests/test_it.py": "import freezegun\n"}
    fix = shop.commit({"requirements-test.txt": "pytest>=8\nresponses\n", **test}, "Later")
    found = derive_environment(shop.path, shop.base, fix, ["tests/test_it.py"]).packages
    assert {"freezegun", "responses", "pytest<8"} <= set(found)  # what the base has pinned stays


def test_packages_are_resolved_as_of_the_day_of_the_base_commit(tmp_path: Path) -> None:
    shop = Repository(tmp_path, {"pyproject.toml": "[project]\nname = 'shop'\nrequires-python = '>=3.8'\n"})
    late = shop.commit({"a.py": ""}, "Later", day="2025-06-30")
    assert derive_environment(shop.path, late).exclude_newer == "2025-06-30"


def test_older_pythons_get_the_setuptools_that_every_environment_had(tmp_path: Path) -> None:
    shop = Repository(tmp_path, {"setup.py": ""})
    old = shop.commit({"a.py": ""}, "Earlier", day="2019-05-01")
    spec = derive_environment(shop.path, old)
    assert ("setuptools" in spec.packages) == (int(spec.python.split(".")[1]) < 12)


def test_the_python_is_one_that_the_projects_day_knew(monkeypatch) -> None:
    monkeypatch.setattr(
        interpreters, "find_installed_pythons", lambda: dict.fromkeys(("3.9", "3.11", "3.12", "3.13"), Path())
    )
    assert interpreters.choose_python("2026-01-01") == "3.13"
    assert interpreters.choose_python("2024-01-01") == "3.11"  # 3.12 was three months old
    assert interpreters.choose_python("2026-01-01", "<3.12,>=3.8") == "3.11"
    assert interpreters.choose_python("2015-01-01") == "3.9"  # the oldest there is
    assert interpreters.resolution_day_of("2015-01-01", "3.9") == "2021-06-02"  # with packages that run on it
