"""Verdicts on projects that configure pytest in every way there is, and on tests that are made as it collects."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.disk.cache import Cache
from meta.environments.environment import build_environment
from meta.environments.workshop import Workshop
from meta.grading.grader import examine_submission
from meta.records.ticket import EnvironmentSpec
from meta.tickets.mining.attempt import MiningOptions
from meta.tickets.mining.miner import mine_repository
from tests.repositories import ADD, CALC, FIXED, HIDDEN, Files, Repository, judge, own_environment, sandbox
from worker_agent.records import Environment

PLUGINS = ("pytest-xdist", "pytest-rerunfailures", "pytest-timeout", "pytest-randomly", "pytest-cov")

OPTIONS = [
    "addopts = --lf",
    "addopts = --ff --nf --cache-clear",
    "addopts = --stepwise --sw-skip",
    "addopts = --lfnf=all --last-failed",
    "addopts = -o cache_dir=.other --ff",
    "addopts = -p no:cacheprovider",
    "addopts = -p cacheprovider",
    "cache_dir = .other",
    "addopts = -x",
    "addopts = --maxfail=1 --exitfirst",
    "addopts = --strict-markers --strict-config",
    "addopts = -W error\nfilterwarnings = error",
    "addopts = --import-mode=importlib\npythonpath = .",
    "addopts = --import-mode=append",
    "addopts = -vv -rA --durations=3 --tb=no -s --showlocals",
    "addopts = --doctest-modules --doctest-continue-on-failure",
    "addopts = --junitxml=report.xml --basetemp=.tmp",
    "addopts = -p no:randomly -p no:xdist -p no:timeout -p no:nothing",
    "addopts = -p no:logging -p no:warnings -p no:faulthandler -p no:doctest",
    "addopts = -p no:terminal",
    "addopts = -k 'not nothing' -m 'not slow' --deselect tests/test_other.py\nmarkers = slow: takes long",
    "addopts = --ignore=docs --ignore-glob=*_old.py --noconftest",
    "addopts = --assert=plain -p pytester",
    "addopts = --pdb --trace-config",
    "log_cli = true\nlog_cli_level = DEBUG\nlog_level = DEBUG",
    "minversion = 6.0\nxfail_strict = true\nconsole_output_style = classic",
    "faulthandler_timeout = 5\ntmp_path_retention_policy = none",
    "testpaths = nowhere\nnorecursedirs = tests",
    "python_functions = check_* test_*\npython_files = *.py",
]
"""Sections of a pytest.ini that need no plugin."""

OPTIONS_OF_PLUGINS = [
    "addopts = -p no:randomly",
    "addopts = -p randomly",
    "addopts = --randomly-seed=1234",
    "addopts = -p no:randomly --strict-markers -p xdist",
    "addopts = --randomly-dont-reorganize --randomly-seed=last --ff",
    "addopts = -n auto --dist loadfile --maxprocesses=3",
    "addopts = -n2 -x --max-worker-restart=0",
    "addopts = --numprocesses=2 --dist=loadscope",
    "addopts = -d --tx 2*popen",
    "addopts = -p no:xdist",
    "addopts = --reruns 3 --reruns-delay 1",
    "addopts = --reruns=2 --only-rerun AssertionError -n2",
    "addopts = --timeout=30 --timeout-method=thread",
    "addopts = --timeout=0.5 --session-timeout=2",
    "timeout = 20\ntimeout_func_only = true",
    "addopts = --cov=calc --cov-fail-under=100 --cov-report=xml --cov-branch",
    "required_plugins = pytest-xdist pytest-timeout>=2",
    "addopts = -n2 --reruns 1 --timeout=20 --randomly-seed=3 --cov=calc -x --strict-markers\nfilterwarnings = error",
]


def verdicts(folder: Path, environment: Environment, base: Files, hidden: Files = HIDDEN) -> list[str]:
    """The verdicts on the merged change and on none, with the reason where it is not the one that is due."""
    judged = judge(folder, {**CALC, **base}, hidden)
    bench = judged.repository.bench(environment)
    graded = [examine_submission(judged.ticket, diff, bench).graded for diff in (judged.ticket.gold or "", "")]
    due = zip(graded, ("passed", "failed"), strict=True)
    return [found.verdict if found.verdict == wanted else found.reason for found, wanted in due]


@pytest.mark.parametrize("options", OPTIONS)
def test_no_option_of_a_project_changes_the_verdict(tmp_path: Path, options: str) -> None:
    found = verdicts(tmp_path, own_environment(), {"pytest.ini": f"[pytest]\n{options}\n"})
    assert found == ["passed", "failed"]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with plugins; it needs an index of packages, hence the network."""
    folder = tmp_path_factory.mktemp("plugins")
    spec, empty = EnvironmentSpec(packages=("pytest", *PLUGINS), project=False), Repository(folder, {})
    return build_environment(spec, empty.path, empty.base, folder / "cache")


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS_OF_PLUGINS)
def test_no_option_of_a_plugin_changes_the_verdict(tmp_path: Path, plugins: Environment, options: str) -> None:
    found = verdicts(tmp_path, plugins, {"pytest.ini": f"[pytest]\n{options}\n"})
    assert found == ["passed", "failed"]


CACHE_USED: Files = {
    "tests/test_calc.py": """\
        import pytest
        from calc import add, mul


        def test_mul(cache):
            assert cache.get("shop/sum", None) is None
            assert mul(2, 3) == 6


        def test_add(request):
            request.config.cache.set("shop/sum", 5)
            assert add(2, 3) == 5
        """,
}
MADE_AS_COLLECTED = {
    "a mark on the module": """\
        import pytest
        from calc import add

        pytestmark = pytest.mark.parametrize("n", [1, 2])


        def test_add(n):
            assert add(n, 3) == n + 3


        def test_two(n):
            assert n in (1, 2)
        """,
    "a list of marks on the module and one on the class": """\
        import pytest
        from calc import add

        pytestmark = [pytest.mark.parametrize("n", [1, 2]), pytest.mark.filterwarnings("ignore")]


        @pytest.mark.parametrize("m", [3, 4])
        class TestSum:
            def test_add(self, n, m):
                assert add(n, m) == n + m

            def test_two(self, n, m):
                assert n < m
        """,
    "a hook in the module": """\
        from calc import add


        def pytest_generate_tests(metafunc):
            if "n" in metafunc.fixturenames:
                metafunc.parametrize("n", range(2), ids=["one", "two"])


        def test_add(n):
            assert add(n, 3) == n + 3


        def test_two(n):
            assert n < 2
        """,
    "a fixture with parameters": """\
        import pytest
        from calc import add


        @pytest.fixture(params=[1, 2], scope="module")
        def n(request):
            return request.param


        def test_add(n):
            assert add(n, 3) == n + 3


        def test_two(n):
            assert n in (1, 2)
        """,
    "functions made in a loop": """\
        from calc import add


        def make(n):
            def test(_n=n):
                assert add(_n, 3) == _n + 3

            return test


        for n in (1, 2):
            globals()[f"test_add_{n}"] = make(n)


        def test_two():
            assert add(0, 0) == 0
        """,
    "a class with inherited tests": """\
        import unittest
        from calc import add


        class Base:
            n = 1

            def test_add(self):
                assert add(self.n, 3) == self.n + 3

            def test_two(self):
                assert self.n < 3


        class TestOne(Base):
            pass


        class TestTwo(Base, unittest.TestCase):
            n = 2
        """,
}


def test_tests_that_use_the_cache_have_one_and_it_is_empty(tmp_path: Path) -> None:
    found = verdicts(tmp_path, own_environment(), {"pytest.ini": "[pytest]\naddopts = --strict-config\n"}, CACHE_USED)
    assert found == ["passed", "failed"]


@pytest.mark.slow
@pytest.mark.parametrize("way", MADE_AS_COLLECTED)
def test_tests_that_are_made_as_they_are_collected_become_a_ticket(tmp_path: Path, way: str) -> None:
    shop = Repository(tmp_path, CALC)
    shop.commit({**FIXED, "tests/test_calc.py": MADE_AS_COLLECTED[way]}, "The sum of two numbers is wrong")
    workshop = Workshop(Cache(tmp_path / "cache"), sandbox)
    (mined,) = mine_repository(shop.path, workshop, MiningOptions(runs=2, environment=EnvironmentSpec()))
    # Functions that only a loop makes cannot be altered, so a stub passes them.
    assert mined.status == "admitted" or mined.reason.startswith("hackable: ")
    assert [test for test in mined.fail_to_pass if "add" not in test] == []
    assert len(mined.fail_to_pass) >= 2


@pytest.mark.slow
def test_a_project_that_declares_its_plugins_by_options_alone_becomes_a_ticket(tmp_path: Path) -> None:
    options = "addopts = -n2 --reruns 1 --timeout=20 -p no:randomly --cov=calc -x --strict-markers --sw"
    shop = Repository(tmp_path, {**CALC, "pytest.ini": f"[pytest]\n{options}\n"})
    shop.commit({**FIXED, **HIDDEN}, "The sum of two numbers is wrong")
    (mined,) = mine_repository(shop.path, Workshop(Cache(tmp_path / "cache"), sandbox), MiningOptions(runs=1))
    assert (mined.status, mined.fail_to_pass) == ("admitted", (ADD,)), mined.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [("minversion = 99", "requires pytest-99"), ("required_plugins = pytest-nowhere", "Missing required plugins")],
)
def test_a_project_that_cannot_run_is_turned_down_in_pytests_words(tmp_path: Path, options: str, words: str) -> None:
    shop = Repository(tmp_path, {**CALC, "pytest.ini": f"[pytest]\n{options}\n"})
    shop.commit({**FIXED, **HIDDEN}, "The sum of two numbers is wrong")
    workshop = Workshop(Cache(tmp_path / "cache"), sandbox)
    (mined,) = mine_repository(shop.path, workshop, MiningOptions(runs=1, environment=EnvironmentSpec()))
    assert mined.status == "quarantined"
    assert words in mined.reason


def test_tests_find_the_only_machine_there_is(tmp_path: Path) -> None:
    serving = """\
        import socket
        from calc import add, mul


        def test_mul():
            assert mul(2, 3) == 6


        def test_add():
            with socket.create_server(("localhost", 0)) as server:
                socket.create_connection(("localhost", server.getsockname()[1])).close()
            assert add(2, 3) == 5
        """
    assert verdicts(tmp_path, own_environment(), {}, {"tests/test_calc.py": serving}) == ["passed", "failed"]
