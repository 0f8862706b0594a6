"""Environments that uv builds. They need an index of packages, hence the network."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meta.environments.build_sandbox import open_build_sandbox
from meta.environments.environment import build_environment
from meta.environments.installer import Installer
from meta.errors import MetaError
from meta.records.ticket import EnvironmentSpec
from tests.repositories import Repository, sandbox
from worker_agent.records import Environment
from worker_agent.sandbox.job import Mount, SandboxJob
from worker_agent.sandbox.process import run_job
from worker_agent.workspace import open_workspace

PROJECT = {
    "pyproject.toml": """\
        [build-system]
        requires = ["setuptools>=64", "setuptools-scm>=8"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "shop"
        dynamic = ["version"]
        dependencies = ["iniconfig"]
        [tool.setuptools_scm]
        version_file = "src/shop/_version.py"
        """,
    "src/shop/__init__.py": "from shop._version import __version__\n",
    "tests/test_shop.py": "import shop\n",
}

SPEC = EnvironmentSpec(packages=("pytest",), exclude_newer="2024-03-01")


def inside(repository: Repository, environment: Environment, program: str) -> str:
    workspace = open_workspace(repository.template, repository.folder / "workspace")
    mounts = [Mount(folder) for folder in environment.mounts]
    done = run_job(
        sandbox(), SandboxJob(["python", "-c", program], workspace.root, mounts=mounts, path=environment.path)
    )
    assert done.returncode == 0, done.output
    return done.output


@pytest.mark.slow
def test_a_project_is_importable_in_the_workspace_with_what_its_build_made(tmp_path: Path) -> None:
    shop = Repository(tmp_path, PROJECT)
    shop.git("tag", "v1.4")
    environment = build_environment(SPEC, shop.path, shop.base, tmp_path / "cache")
    program = """if True:
        import json, iniconfig, pytest, shop, importlib.metadata
        print(json.dumps([shop.__file__, shop.__version__, importlib.metadata.version("shop"), pytest.__version__]))
    """
    assert json.loads(inside(shop, environment, program)) == ["/workspace/src/shop/__init__.py", "1.4", "1.4", "8.0.2"]


@pytest.mark.slow
def test_an_environment_is_built_once_even_when_asked_for_twice_at_once(tmp_path: Path) -> None:
    shop = Repository(tmp_path, PROJECT)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: build_environment(SPEC, shop.path, shop.base, tmp_path / "cache"), range(2))
    assert first == second
    later = shop.commit({"src/shop/cart.py": ""}, "Metadata stays as it is")
    assert build_environment(SPEC, shop.path, later, tmp_path / "cache") == first
    assert len(list((tmp_path / "cache").glob("*/complete"))) == 1


@pytest.mark.slow
def test_environments_that_are_resolved_at_once_get_their_own_packages_each(tmp_path: Path) -> None:
    asked = ["six==1.16.0", "iniconfig==2.0.0", "pluggy==1.5.0"] * 4
    with open_build_sandbox(f"{sys.version_info.major}.{sys.version_info.minor}", tmp_path) as build:
        installer = Installer(build, "")
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda package: installer.resolve((package,)).text, asked)) == asked


@pytest.mark.slow
def test_a_package_that_cannot_be_had_is_an_error_in_uvs_words(tmp_path: Path) -> None:
    shop = Repository(tmp_path, PROJECT)
    spec = EnvironmentSpec(packages=("pytest==99.0",), exclude_newer="2024-03-01")
    with pytest.raises(MetaError, match=r"no version of pytest==99\.0"):
        build_environment(spec, shop.path, shop.base, tmp_path / "cache")


def test_the_path_of_an_interpreter_stands_for_what_is_installed_there(tmp_path: Path) -> None:
    import sys

    environment = build_environment(EnvironmentSpec(python=sys.executable), tmp_path, "", tmp_path)
    assert environment.path == (f"{sys.prefix}/bin",)
    with pytest.raises(MetaError, match="does not run"):
        build_environment(EnvironmentSpec(python="/nowhere/python"), tmp_path, "", tmp_path)
