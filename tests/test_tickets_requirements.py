"""What a project's tests need, found without running anything of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.environments import interpreters
from meta.environments.commit_tree import CommitTree
from meta.languages.python.declared_packages import find_declared_packages
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


def runtime(folder: Path, files: Files) -> tuple[str, ...]:
    shop = Repository(folder, files)
    return find_declared_packages(CommitTree(shop.path, shop.base)).runtime


@pytest.mark.parametrize(
    "path",
    [
        *("requirements-test.txt", "requirements_test.txt", "requirements.test.txt", "test-requirements.txt"),
        *("test_requirements.txt", "requirements-tests.in", "requirements-dev.txt", "dev-requirements.txt"),
        *("requirements_dev.txt", "requirements/test.txt", "requirements/dev.in", "requirements/testing.txt"),
        *(
            "reqs/test.txt",
            "reqs/test-requirements.txt",
            "requirements/requirements-test.txt",
            "tests/requirements.txt",
        ),
        *("test/requirements.txt", "tests/requirements-dev.txt", "ci/requirements/test.txt", "ci/requirements.txt"),
        *("requirements/ci.txt", ".ci/requirements-test.txt", "tests/requirements/base.txt", "Requirements-Dev.txt"),
        *("dev-deps.txt", "tools/requirements-test.txt", "dev/requirements.txt"),
    ],
)
def test_requirements_for_tests_are_found_wherever_they_are_kept(tmp_path: Path, path: str) -> None:
    assert packages(tmp_path, {path: "freezegun>=1\n"}) == ("freezegun>=1", "pytest")


@pytest.mark.parametrize(
    "path",
    [
        *("docs/requirements.txt", "requirements-docs.txt", "requirements/docs.txt", "examples/web/requirements.txt"),
        *("src/shop/requirements.txt", "requirements/lint.txt", "requirements-min.txt", "tests/data/requirements.txt"),
        *("deps/zlib/test.txt", "test.txt", "notes/test.txt", "requirements.md"),
    ],
)
def test_requirements_for_something_else_are_left_alone(tmp_path: Path, path: str) -> None:
    assert packages(tmp_path, {path: "freezegun>=1\n"}) == ("pytest",)


def test_requirements_txt_declares_what_no_other_file_does(tmp_path: Path) -> None:
    files = {"requirements.txt": "-r requirements/base.txt\nattrs\n", "requirements/base.txt": "six\n"}
    assert runtime(tmp_path / "a", files) == ("six", "attrs")
    script = "from setuptools import setup\nsetup(install_requires=open('requirements.txt').read().split())\n"
    assert runtime(tmp_path / "b", {"requirements.txt": "attrs\n", "setup.py": script}) == ("attrs",)
    declared = {
        "pyproject.toml": "[project]\nname = 'shop'\ndependencies = ['idna']\n",
        "requirements.txt": "attrs==1\n",
    }
    assert runtime(tmp_path / "c", declared) == ("idna",)
    assert packages(tmp_path / "d", declared) == ("attrs==1", "idna", "pytest")  # beside them it is for developers


def test_what_is_for_developers_counts_unless_the_tests_have_lists_of_their_own(tmp_path: Path) -> None:
    files = {"requirements/test.txt": "pytest>=7\n", "requirements/test-ci-all.txt": "old==0.1\n"}
    assert packages(tmp_path / "a", files) == ("pytest>=7",)
    extras = "[project]\nname = 'shop'\n[project.optional-dependencies]\ncli = ['rich']\n"
    files = {"requirements-dev.txt": "-e .[cli]\ntrio\n", "tests/requirements.txt": "six\n", "pyproject.toml": extras}
    assert packages(tmp_path / "b", files) == ("pytest", "rich", "six", "trio")


def test_includes_constraints_continued_lines_and_options_are_read_as_pip_does(tmp_path: Path) -> None:
    files = {
        "requirements/dev.txt": """\
            --index-url https://index.example/simple
            -r base.txt
            --requirement=../more.txt
            -c constraints.txt
            trio \\
                >=0.20 \\
                --hash=sha256:aaa \\
                --hash=sha256:bbb
            # a comment
            rich[jupyter]>=10 ; python_version >= "3.8"  # another
            -e .
            git+https://code.example/x.git#egg=x
            """,
        "requirements/base.txt": "-r dev.txt\nattrs\n",
        "more.txt": "six\n",
        "requirements/constraints.txt": "Attrs<24\nnumpy<2\n-c more.txt\n",
    }
    assert packages(tmp_path, files) == (
        "Attrs<24",
        "pytest",
        'rich[jupyter]>=10 ; python_version >= "3.8"',
        "six",
        "trio >=0.20",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_files_in_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    shop = Repository(tmp_path, {"a.py": ""})
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    (shop.path / "requirements-test.txt").write_bytes(f"{mark}freezegun>=1\r\nrich\r\n".encode(encoding))
    (shop.path / "pyproject.toml").write_bytes(f"{mark}[project]\nname='shop'\ndependencies=['six']\n".encode(encoding))
    shop.commit({}, "Encoded")
    head = shop.git("rev-parse", "HEAD").strip()
    found = find_declared_packages(CommitTree(shop.path, head))
    assert set(found.requirements) == {"six", "freezegun>=1", "rich", "pytest"}


def test_a_source_file_is_preferred_to_what_was_compiled_from_it(tmp_path: Path) -> None:
    files = {"requirements/test.in": "rich\n", "requirements/test.txt": "rich==1.0\nold==0.1\n"}
    assert packages(tmp_path, files) == ("pytest", "rich")


def test_setup_cfg_and_pyproject_can_name_files(tmp_path: Path) -> None:
    config = """\
        [options]
        install_requires = file: needs.txt, more/needs.txt
        [options.extras_require]
        test = file: for_tests.txt
        """
    files = {"setup.cfg": config, "needs.txt": "six\n", "more/needs.txt": "attrs\n", "for_tests.txt": "rich\n"}
    assert packages(tmp_path / "a", files) == ("attrs", "pytest", "rich", "six")
    text = """\
        [project]
        name = "shop"
        dynamic = ["dependencies", "optional-dependencies"]
        [tool.setuptools.dynamic]
        dependencies = {file = "needs.txt"}
        optional-dependencies.test = {file = ["for_tests.txt"]}
        """
    files = {"pyproject.toml": text, "needs.txt": "six\n", "for_tests.txt": "rich\n"}
    assert packages(tmp_path / "b", files) == ("pytest", "rich", "six")


def test_a_group_of_any_name_counts_if_it_holds_pytest(tmp_path: Path) -> None:
    text = """\
        [dependency-groups]
        Quality_Checks = ["pytest>=7", {include-group = "more.helpers"}, {include-group = "quality-checks"}]
        more-Helpers = ["trio"]
        docs = ["sphinx"]
        dev = ["ruff"]
        """
    assert packages(tmp_path, {"pyproject.toml": text}) == ("pytest>=7", "trio")


def test_poetrys_versions_markers_extras_and_several_constraints_become_requirements(tmp_path: Path) -> None:
    text = """\
        [tool.poetry]
        name = "shop"
        [tool.poetry.dependencies]
        python = "^3.8"
        caret = "^1.2"
        tilde = "~1.2.3"
        star = "1.*"
        any = "*"
        plain = "1.5"
        either = "^1.0 || ^3.0"
        marked = {version = ">=1", markers = "sys_platform == 'linux'", extras = ["fast"]}
        younger = {version = "^2", python = ">=3.9"}
        local = {path = "../local"}
        linked = {git = "https://code.example/linked.git"}
        hidden = {version = "^1", optional = true}
        Probe_It = {version = "^4", optional = true}
        several = [{version = "<2", python = "<3.9"}, {version = "^2", python = ">=3.9"}]
        [tool.poetry.extras]
        test = ["probe-it"]
        [tool.poetry.group.test.dependencies]
        rich = "^13"
        [tool.poetry.dev-dependencies]
        black = "^22"
        """
    assert packages(tmp_path, {"pyproject.toml": text}) == (
        "any",
        "caret<2.0,>=1.2",
        "either<4.0,>=1.0",
        'marked[fast]>=1; sys_platform == "linux"',
        "plain==1.5",
        "probe-it<5,>=4",
        "pytest",
        "rich<14,>=13",
        'several<2; python_version < "3.9"',
        'several<3,>=2; python_version >= "3.9"',
        "star==1.*",
        "tilde<1.3.0,>=1.2.3",
        'younger<3,>=2; python_version >= "3.9"',
    )
    assert find_declared_packages(CommitTree(tmp_path / "shop", "HEAD")).python == ">=3.8,<4.0"


def test_a_pipfile_counts(tmp_path: Path) -> None:
    text = """\
        [packages]
        requests = {version = ">=2", extras = ["socks"], markers = "python_version >= '3.8'"}
        six = "*"
        attrs = "==23.1"
        colorama = {version = "*", sys_platform = "== 'win32'"}
        shop = {path = ".", editable = true}
        linked = {git = "https://code.example/linked.git"}
        [dev-packages]
        freezegun = "1.2"
        [requires]
        python_version = "3.9"
        """
    files = {"Pipfile": text}
    assert packages(tmp_path, files) == (
        "attrs==23.1",
        "colorama; sys_platform == 'win32'",
        "freezegun==1.2",
        "pytest",
        "requests[socks]>=2; (python_version >= '3.8')",
        "six",
    )
    assert find_declared_packages(CommitTree(tmp_path / "shop", "HEAD")).python == ">=3.9"


@pytest.mark.parametrize(
    "path", ["environment.yml", "environment-dev.yaml", "ci/environment.yml", "conda/test_env.yml"]
)
def test_an_environment_of_conda_counts_where_nothing_else_says_more(tmp_path: Path, path: str) -> None:
    text = """\
        name: shop
        channels: [conda-forge]
        dependencies:
          - python=3.9
          - numpy=1.20
          - conda-forge::pandas>=1.2,<2
          - scipy=1.6.*=py39_0
          - pytorch
          - attrs ==23.1
          - cmake
          - gcc_linux-64
          - pip
          - pip:
            - freezegun>=1
            - -e .
        """
    assert packages(tmp_path, {path: text}) == (
        "attrs==23.1",
        "freezegun>=1",
        "numpy==1.20.*",
        "pandas>=1.2,<2",
        "pytest",
        "scipy==1.6.*",
        "torch",
    )


BROKEN = {
    "pyproject.toml": "[project]\nname = 3\ndependencies = 'six'\n[tool]\npoetry = []\n[dependency-groups]\ntest = 1\n",
    "setup.cfg": "[options]\ninstall_requires = file: ../../etc/passwd, gone.txt\n[broken\n",
    "setup.py": "setup(install_requires=",
    "Pipfile": "[packages]\nsix = 3\nbad name = '*'\n",
    "environment.yml": "dependencies: [python, {pip: 3}, [1], '{{ name }}', 7]\n",
    "requirements.txt": "-r requirements.txt\n-r ../../../etc/passwd\n>>>\nsix>=1.*\n",
    "tox.ini": "[testenv]\ndeps = -r gone.txt\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_not_what_it_should_be_hides_nothing_else(tmp_path: Path, name: str) -> None:
    found = packages(tmp_path, {name: BROKEN[name], "requirements-test.txt": "rich\n"})
    assert {"rich", "pytest"} <= set(found) <= {"rich", "pytest", "six"}
