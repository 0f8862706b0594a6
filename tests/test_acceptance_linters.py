"""A repository's own linters, formatter and type checker, run in the sandbox on what a submission touches."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from meta.grading.acceptance import linter_run
from meta.grading.acceptance.checks import list_known_checks, run_tools
from meta.grading.acceptance.configured_tools import find_usable_tools
from meta.grading.acceptance.submission_change import compare_with_base
from meta.records.ticket import Admission, Ticket
from meta.tickets.admission import check_selection
from meta.tickets.admission.proof import admit_ticket
from tests.repositories import CALC, FIXED, HIDDEN, Files, Judge, Repository, judge, write
from worker_agent.records import Environment
from worker_agent.workspace import open_workspace

SETTINGS = """\
[tool.ruff]
line-length = 60
exclude = ["generated"]
[tool.ruff.lint]
select = ["F", "E501"]
[tool.ruff.format]
quote-style = "double"
"""
OLD = "import os\n\n\ndef  old( a ):\n    return a\n"
BASE = {
    **CALC,
    "pyproject.toml": SETTINGS,
    "old.py": OLD,
    "lint/ruff.toml": "line-length = 70\n",
    "lint/calc.py": "A = 1\n",
}
UNUSED = "import os\n\n\ndef add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n"


class Desk:
    """Lays submissions over one base, and runs its tools on them."""

    def __init__(self, folder: Path, base: Files = BASE) -> None:
        self.folder, self.repository, self.count = folder, Repository(folder, base), 0
        self.bench = self.repository.bench()

    def findings(self, files: Files, *tools: str) -> dict[str, tuple[str, str]]:
        self.count += 1
        root = open_workspace(self.bench.template, self.folder / f"reading-{self.count}").root
        write(root, files)
        found = run_tools(tools, compare_with_base(root, self.bench.template.tree), self.bench)
        return {finding.check: (finding.verdict, finding.reason) for finding in found}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def test_the_tools_are_those_that_the_base_configures_and_the_environment_has(desk: Desk) -> None:
    assert [name for name in list_known_checks(desk.bench) if name in ("ruff", "ruff-format", "black", "mypy")] == [
        "ruff",
        "ruff-format",
    ]
    assert find_usable_tools(desk.bench.template.tree, Environment(path=("/nowhere",))) == ()


@pytest.mark.parametrize(
    ("files", "tools"),
    [
        ({"setup.cfg": "[flake8]\nmax-line-length = 100\n[mypy]\n"}, ["flake8", "mypy"]),
        ({".pre-commit-config.yaml": "repos:\n- hooks:\n  - id: black\n  - id: 'ruff-check'\n"}, ["ruff", "black"]),
        ({"ruff.toml": "line-length = 80\n", ".isort.cfg": "[settings]\nprofile = black\n"}, ["ruff", "isort"]),
        ({"pyproject.toml": "not [ toml", "tox.ini": "also not\n[["}, []),
        ({"setup.cfg": "[settings]\na = 1\n"}, []),
    ],
)
def test_configuration_is_found_where_projects_keep_it(tmp_path: Path, files: Files, tools: list[str]) -> None:
    programs = tmp_path / "bin"
    for name in ("ruff", "black", "isort", "flake8", "mypy"):
        write(programs, {name: ""})
        (programs / name).chmod(0o755)
    write(tmp_path / "base", files)
    (tmp_path / "base").mkdir(exist_ok=True)
    assert [tool.name for tool in find_usable_tools(tmp_path / "base", Environment(path=(str(programs),)))] == tools


def test_a_new_problem_is_objected_to_in_the_tools_words(desk: Desk) -> None:
    found = desk.findings({"calc.py": UNUSED}, "ruff")
    assert found["ruff"][0] == "failed"
    assert found["ruff"][1].startswith("calc.py: F401")


def test_problems_that_the_base_had_do_not_count(desk: Desk) -> None:
    touched = OLD + "\n\ndef new(a):\n    return a\n"
    found = desk.findings({"old.py": touched}, "ruff", "ruff-format")
    assert found == {"ruff": ("passed", ""), "ruff-format": ("passed", "")}


def test_code_that_the_formatter_would_write_otherwise_is_objected_to(desk: Desk) -> None:
    found = desk.findings({"calc.py": FIXED["calc.py"] + "\n\ndef f( a ):\n    return 'x'\n"}, "ruff-format", "ruff")
    assert found["ruff-format"] == ("failed", "calc.py: ruff-format would write it otherwise")
    assert found["ruff"][0] == "passed"


def test_the_type_checker_is_asked_too_and_no_submission_writes_to_its_cache(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {"mypy.ini": "[mypy]\nstrict = true\n", "typed.py": "def f(a: int) -> int:\n    return a\n"})
    found = desk.findings({"typed.py": "def f(a: int) -> str:\n    return a\n"}, "mypy")
    assert found["mypy"][0] == "failed"
    assert "Incompatible return value type" in found["mypy"][1]
    [cache] = desk.bench.template.tree.parent.glob("mypy-*")
    known = {path: path.read_bytes() for path in cache.rglob("*") if path.is_file()}
    assert known
    assert desk.findings({"typed.py": "def f(a: int) -> int:\n    return a + 1\n"}, "mypy") == {"mypy": ("passed", "")}
    assert {path: path.read_bytes() for path in cache.rglob("*") if path.is_file()} == known


@pytest.mark.parametrize(
    "steering",
    [
        {"pyproject.toml": SETTINGS.replace('"F"', '"W"')},
        {"pyproject.toml": SETTINGS.replace('"generated"', '"calc.py"')},
        {"ruff.toml": "[lint]\nselect = ['W']\n"},
        {".ruff.toml": "exclude = ['*']\n"},
        {".gitignore": "calc.py\n"},
        {"pyproject.toml": None},
        {"lint/ruff.toml": None, "lint/calc.py": None},
        {"ruff.py": "raise SystemExit(0)\n", "sitecustomize.py": "import os\nos._exit(0)\n"},
        {"--exclude=calc.py": ""},
        {"--config=lint.py": ""},
        {"--ignore=F401,.py": "", "-q.py": "", "--.py": ""},
        {"@options.py": ""},
    ],
)
def test_a_submission_cannot_steer_the_tools(desk: Desk, steering: Files) -> None:
    found = desk.findings({"calc.py": UNUSED, **steering}, "ruff")
    assert found["ruff"][0] == "failed"
    assert "F401" in found["ruff"][1]


@pytest.mark.parametrize(
    "steering",
    [
        {"lint/deep/ruff.toml": "[lint]\nselect = ['W']\n"},
        {"lint/deep/pyproject.toml": "[tool.ruff.lint]\nignore = ['F401']\n"},
        {"lint/deep/.flake8": "[flake8]\nexclude = *\n", "lint/deep/mypy.ini": "[mypy]\nignore_errors = true\n"},
    ],
)
def test_settings_that_a_submission_puts_into_a_folder_have_no_say(desk: Desk, steering: Files) -> None:
    found = desk.findings({"lint/deep/calc.py": UNUSED, **steering}, "ruff")
    assert found["ruff"][0] == "failed"
    assert "lint/deep/calc.py: F401" in found["ruff"][1]


def test_a_file_named_like_an_option_is_a_file(desk: Desk) -> None:
    found = desk.findings({"--exclude=calc.py": UNUSED}, "ruff", "ruff-format")
    assert found["ruff"] == ("failed", "--exclude=calc.py: F401 [*] `os` imported but unused")
    assert desk.findings({"--exclude=calc.py": FIXED["calc.py"]}, "ruff", "ruff-format") == {
        "ruff": ("passed", ""),
        "ruff-format": ("passed", ""),
    }


def test_a_plugin_of_the_type_checker_stays_the_bases(tmp_path: Path) -> None:
    plugin = "from mypy.plugin import Plugin\n\n\ndef plugin(version):\n    return Plugin\n"
    base = {"mypy.ini": "[mypy]\nplugins =\n  ./checks/own.py\n", "checks/own.py": plugin, "typed.py": "A: int = 1\n"}
    desk = Desk(tmp_path, base)
    silent = "import os\n\n\ndef plugin(version):\n    os._exit(0)\n"
    found = desk.findings({"typed.py": "A: int = ''\n", "checks/own.py": silent}, "mypy")
    assert found["mypy"][0] == "failed"
    assert "typed.py: error: Incompatible types" in found["mypy"][1]


def test_what_the_tools_do_not_look_at_costs_nothing(desk: Desk) -> None:
    begun = time.perf_counter()
    assert desk.findings({"README.md": "# Read\n"}, "ruff", "ruff-format") == {
        "ruff": ("passed", ""),
        "ruff-format": ("passed", ""),
    }
    assert time.perf_counter() - begun < 0.3
    assert not (desk.folder / "scratch").exists() or not list((desk.folder / "scratch").iterdir())


def test_a_tool_that_cannot_run_on_the_base_says_nothing_about_the_submission(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {**CALC, "ruff.toml": "no-such-setting = 1\n"})
    assert desk.findings({"calc.py": UNUSED}, "ruff") == {"ruff": ("void", "it does not run on the base")}


def test_a_tool_that_is_gone_counts_neither_for_nor_against(desk: Desk) -> None:
    assert desk.findings({"calc.py": UNUSED}, "black")["black"][0] == "void"


def test_the_base_is_asked_once_for_the_same_files(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.findings({"calc.py": UNUSED}, "ruff")
    runs: list[object] = []
    really = linter_run.run_job
    monkeypatch.setattr(linter_run, "run_job", lambda *a: runs.append(a) or really(*a))
    desk.findings({"calc.py": UNUSED + "\n"}, "ruff")
    assert len(runs) == 1


# Admission and grading.


def admitted(bench: Judge, **changed: object) -> tuple[Admission, Ticket]:
    return admit_ticket(
        bench.ticket.model_copy(update=changed),
        bench.repository.bench(),
        runs=1,
    )


def gold_of(folder: Path, gold: Mapping[str, str]) -> Judge:
    return judge(folder, BASE, {"tests/test_calc.py": HIDDEN["tests/test_calc.py"]}, gold=gold)


def test_admission_keeps_the_checks_that_the_merged_change_passes(tmp_path: Path) -> None:
    bench = gold_of(tmp_path, {"calc.py": UNUSED + "debug = 1  # noqa\n", "run.log": "left over\n"})
    found, ticket = admitted(bench)
    assert found.status == "admitted"
    # Unformatted, an unused import, and a leftover. Its comment that silences is one that others may have too.
    assert ticket.grader.checks == ("existing-tests", "noise", "size", "suppressions")


def test_a_program_that_takes_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = gold_of(tmp_path, FIXED)
    assert {"ruff", "ruff-format"} <= set(admitted(bench)[1].grader.checks)
    monkeypatch.setattr(check_selection, "SLOW_LINTER_SECONDS", 0.0)
    assert not {"ruff", "ruff-format"} & set(admitted(bench)[1].grader.checks)


def test_lint_decides_whether_a_submission_that_passes_the_tests_passes(tmp_path: Path) -> None:
    bench = gold_of(tmp_path, FIXED)
    bench = Judge(bench.repository, admitted(bench)[1])
    graded = bench.grade({"calc.py": UNUSED})
    assert (graded.verdict, graded.tests, graded.acceptance) == ("failed", "passed", "failed")
    assert "ruff: calc.py: F401" in graded.reason
    assert bench.grade(FIXED).verdict == "passed"


def test_a_rejected_diff_that_only_a_check_tells_apart_admits_the_ticket(tmp_path: Path) -> None:
    bench = gold_of(tmp_path, FIXED)
    rejected = bench.repository.diff({"calc.py": UNUSED})
    assert admitted(bench, rejected=rejected)[0].status == "admitted"
    found, _ = admitted(bench, rejected=bench.ticket.gold)
    assert "neither tests nor checks see" in found.reason
