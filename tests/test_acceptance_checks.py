"""What reviewers object to and tests do not see. Each check: what it objects to, and what it lets pass."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from meta.disk.cache import Cache
from meta.environments.workshop import Workshop
from meta.grading.acceptance.checks import READING_CHECKS, read_change
from meta.grading.acceptance.submission_change import compare_with_base
from meta.records.ticket import Ticket
from meta.replay.run import ReplayJob, run_replay
from meta.workers.own_worker import OwnWorker
from tests.messages_server import call, message, script, serving
from tests.repositories import ADD, CALC, FIXED, Judge, Repository, judge, sandbox
from worker_agent.model import MessagesModel, ModelEndpoint
from worker_agent.records import Limits
from worker_agent.surface import DEFAULT_ROOT, load_surface
from worker_agent.workspace import open_workspace

TEST_CALC = """\
import pytest
from calc import mul


def test_mul():
    assert mul(2, 3) == 6
    assert mul(0, 3) == 0


@pytest.mark.parametrize("a", [1, 2, 3])
def test_one(a):
    assert mul(a, 1) == a


class TestZero:
    def test_left(self):
        with pytest.raises(TypeError):
            mul(None, None)
"""

LONG = "".join(f"def f{n}(a, b):\n    return a + b + {n}\n\n\n" for n in range(20))
BASE = {
    **CALC,
    "tests/test_calc.py": TEST_CALC,
    "tests/conftest.py": "import pytest\n",
    "long.py": LONG,
    "pytest.ini": "[pytest]\naddopts = -ra\n",
    "build/__init__.py": "",
}
MERGED = {**FIXED, "tests/test_calc.py": TEST_CALC + "\n\ndef test_add():\n    pass\n"}


class Desk:
    """Lays submissions over one base, and asks the checks that only read."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repository, self.count = folder, Repository(folder, BASE), 0
        self.ticket = Ticket(id="t", title="t", repo="-", base_commit="-", gold=self.repository.diff(MERGED))

    def findings(self, files: Mapping[str, str | bytes | None]) -> dict[str, str]:
        self.count += 1
        template = self.repository.template
        root = open_workspace(template, self.folder / f"reading-{self.count}").root
        for path, content in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                target.unlink()
            else:
                target.write_bytes(content.encode() if isinstance(content, str) else content)
        found = read_change(READING_CHECKS, compare_with_base(root, template.tree), self.ticket)
        return {finding.check: finding.reason for finding in found if finding.verdict == "failed"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def test_the_merged_change_and_no_change_pass_every_check(desk: Desk) -> None:
    assert desk.findings(MERGED) == {}
    assert desk.findings({}) == {}


def altered(old: str, new: str) -> dict[str, str]:
    assert old in TEST_CALC
    return {"tests/test_calc.py": TEST_CALC.replace(old, new)}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"tests/test_calc.py": None}, "test_mul and 2 more was deleted"),
        (altered("def test_mul", "def check_mul"), "test_mul was deleted"),
        (altered("def test_mul", "@pytest.mark.skip\ndef test_mul"), "test_mul is skipped"),
        (altered("def test_mul", "@pytest.mark.xfail\ndef test_mul"), "expected to fail"),
        (altered("from calc", "pytestmark = pytest.mark.skip('later')\nfrom calc"), "is skipped"),
        (altered("class TestZero:\n", "class TestZero:\n    pytestmark = pytest.mark.skip\n"), "TestZero.test_left"),
        (altered("    assert mul(2, 3) == 6\n", "    return\n    assert mul(2, 3) == 6\n"), "is skipped"),
        (altered("    assert mul(0, 3) == 0\n", ""), "asserts less than before (1 times, not 2)"),
        (altered("assert mul(0, 3) == 0", "assert True"), "asserts less"),
        (altered("with pytest.raises(TypeError):", "if True:"), "asserts less"),
        (altered("[1, 2, 3]", "[1]"), "fewer cases than before (1, not 3)"),
        (altered("def test_mul():", "def test_mul(:"), "no longer valid Python"),
        ({"tests/conftest.py": "import pytest\ncollect_ignore = ['test_calc.py']\n"}, "leaves them out"),
        ({"pytest.ini": "[pytest]\naddopts = -ra --deselect tests/test_calc.py::test_mul\n"}, "(--deselect)"),
        ({"tests/conftest.py": "def pytest_ignore_collect():\n    return True\n"}, "leaves them out"),
        ({"tests/conftest.py": "def pytest_runtest_makereport():\n    pass\n"}, "decides their outcome"),
        ({"pytest.ini": "[pytest]\naddopts = -ra -k mul\n"}, "(-k)"),
        ({"pytest.ini": "[pytest]\naddopts = -ra\npython_files = none.py\n"}, "(python_files)"),
    ],
)
def test_existing_tests_may_not_be_harmed(desk: Desk, files: Mapping[str, str | None], words: str) -> None:
    found = desk.findings(files)
    assert list(found) == ["existing-tests"]
    assert words in found["existing-tests"]


MUL = "    assert mul(2, 3) == 6\n    assert mul(0, 3) == 0\n"
CASES = "@pytest.mark.parametrize(('a', 'b'), [(2, 6), (0, 0)])\ndef test_mul(a, b):\n    assert mul(a, 3) == b\n"
CHECKED = "    def check(a, b):\n        assert mul(a, 3) == b\n        assert mul(3, a) == b\n\n    check(2, 6)\n"
INDENTED = "        assert mul(2, 3) == 6\n        assert mul(0, 3) == 0\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("    pass\n", "does nothing any more"),
        ('    """Nothing here."""\n', "does nothing any more"),
        ("    if False:\n" + INDENTED, "does nothing any more"),
        ("    if not 1 == 1:\n" + INDENTED, "does nothing any more"),
        ("    if 0 and mul:\n" + INDENTED, "does nothing any more"),
        ("    if True:\n        pass\n    else:\n" + INDENTED, "does nothing any more"),
        ("    while False:\n" + INDENTED, "does nothing any more"),
        ("    for _ in []:\n" + INDENTED, "does nothing any more"),
        ("    for _ in range(0):\n" + INDENTED, "asserts less"),
        ("    if True:\n        return\n" + MUL, "is skipped"),
        ("    if mul:\n        return\n" + MUL, "is skipped"),
        ("    raise SystemExit\n" + MUL, "does nothing any more"),
        (MUL + "    yield\n", "is skipped"),
        ("    try:\n" + INDENTED + "    except AssertionError:\n        pass\n", "does nothing any more"),
        (
            "    try:\n" + INDENTED + "    except (ValueError, Exception) as error:\n        print(error)\n",
            "asserts less",
        ),
        ("    with pytest.raises(AssertionError):\n" + INDENTED, "asserts less"),
        ("    def later():\n" + INDENTED, "does nothing any more"),
        ("    later = lambda: mul(2, 3) == 6\n", "asserts less"),
        (MUL.replace("== 6", "== 6 or True").replace("== 0", "is not () or True"), "asserts less"),
        (MUL.replace("mul(2, 3) == 6", "(mul(2, 3) == 6, 'six')"), "asserts less"),
        (MUL.replace("mul(2, 3)", "6"), "asserts less"),
        (MUL.replace("mul(2, 3) == 6", "mul(2, 3) == mul(2, 3)"), "asserts less"),
    ],
)
def test_a_test_that_can_no_longer_fail_counts_as_harmed(desk: Desk, body: str, words: str) -> None:
    found = desk.findings(altered(MUL, body))
    assert list(found) == ["existing-tests"]
    assert "the test test_mul " in found["existing-tests"]
    assert words in found["existing-tests"]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("del test_mul\n", "test_mul was deleted"),
        ("test_mul = None\n", "test_mul was deleted"),
        ("test_mul.__test__ = False\n", "test_mul was deleted"),
        ("setattr(test_mul, '__test__', False)\n", "test_mul was deleted"),
        ("__test__ = False\n", "test_mul and 2 more was deleted"),
        ("def test_mul():\n    pass\n", "test_mul does nothing any more"),
        ("class TestZero:\n    pass\n", "TestZero.test_left was deleted"),
        ("if True:\n    from calc import mul as test_mul\n", "test_mul was deleted"),
    ],
)
def test_a_test_that_the_rest_of_its_file_takes_away_is_deleted(desk: Desk, end: str, words: str) -> None:
    assert words in desk.findings({"tests/test_calc.py": f"{TEST_CALC}\n\n{end}"})["existing-tests"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def test_mul", "if False:\n    def test_mul_too(): ...\n\n\ndef later_test_mul", "test_mul was deleted"),
        ("class TestZero:", "class ZeroCases:", "TestZero.test_left was deleted"),
        ("class TestZero:\n", "class TestZero:\n    __test__ = False\n\n", "TestZero.test_left was deleted"),
        ("class TestZero:\n", "class TestZero:\n    def __init__(self): ...\n\n", "TestZero.test_left was deleted"),
        ("def test_mul", "def quiet(test):\n    return lambda: 0\n\n\n@quiet\ndef test_mul", "wrapped by quiet"),
        ("def test_mul", "@(lambda test: test)\ndef test_mul", "wrapped by a lambda"),
        ("def test_mul()", "@pytest.mark.parametrize('x', [])\ndef test_mul(x)", "fewer cases than before (0, not 1)"),
    ],
)
def test_a_test_that_pytest_finds_no_longer_or_otherwise_is_harmed(desk: Desk, old: str, new: str, words: str) -> None:
    assert words in desk.findings(altered(old, new))["existing-tests"]


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("tests/old_calc.py", TEST_CALC, "test_mul and 2 more was deleted"),
        ("tests/test_moved.py", TEST_CALC.replace(MUL, "    pass\n"), "test_mul does nothing any more"),
        ("tests/test_moved.py", TEST_CALC.replace("[1, 2, 3]", "[1]"), "fewer cases"),
    ],
)
def test_a_test_that_moved_has_to_be_as_strong(desk: Desk, path: str, text: str, words: str) -> None:
    assert words in desk.findings({"tests/test_calc.py": None, path: text})["existing-tests"]


def test_code_too_deep_to_read_is_no_python(desk: Desk) -> None:
    found = desk.findings({"tests/test_calc.py": TEST_CALC + "x = " + "-" * 50_000 + "1\n"})
    assert "no longer valid Python" in found["existing-tests"]


@pytest.mark.parametrize(
    "files",
    [
        altered("== 6", "== 7"),  # what is demanded may change
        {"tests/test_calc.py": None, "tests/test_moved.py": TEST_CALC},
        altered("[1, 2, 3]", "range(3)"),
        altered("class TestZero", "def test_new():\n    pass\n\n\nclass TestZero"),
        {"tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef a():\n    return 1\n"},
        {"pytest.ini": "[pytest]\naddopts = -ra --strict-markers\n"},
        altered(f"def test_mul():\n{MUL}", CASES),
        altered(f"def test_mul():\n{MUL}", "ALL = [(2, 6), (0, 0)]\n\n\n" + CASES.replace("[(2, 6), (0, 0)]", "ALL")),
        altered(MUL, CHECKED),
        altered(MUL, "    for _ in range(2):\n" + INDENTED),
        altered(MUL, "    try:\n" + INDENTED + "    finally:\n        print()\n"),
        altered(MUL, "    try:\n" + INDENTED + "    except AssertionError:\n        print()\n        raise\n"),
        altered("def test_mul", "@pytest.mark.filterwarnings('error')\ndef test_mul"),
        altered("def test_mul", "needs_all = pytest.mark.usefixtures('x')\n\n\n@needs_all\ndef test_mul"),
    ],
)
def test_existing_tests_may_be_moved_corrected_and_added_to(desk: Desk, files: Mapping[str, str | None]) -> None:
    assert desk.findings(files) == {}


NOTEBOOK = '{"cells": [{"outputs": [%s]}]}'


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("calc.py.orig", "old", "leftover"),
        ("src/.DS_Store", "x", "leftover"),
        ("run.log", "done", "leftover"),
        (".env", "KEY=1", "leftover"),
        ("dist/calc.txt", "x", "lies in dist/"),
        (".pytest_cache/README.md", "x", "lies in .pytest_cache/"),
        ("calc.egg-info/PKG-INFO", "x", "lies in calc.egg-info/"),
        ("reproduce_bug.py", "print()", "experiment"),
        ("IMPLEMENTATION_SUMMARY.md", "# Done", "experiment"),
        ("data.dat", b"a\0b", "is binary"),
        ("corpus.txt", "word " * 120_000, "is large (600 kB)"),
        ("look.ipynb", NOTEBOOK % '{"text": "1"}', "output of a notebook"),
    ],
)
def test_stray_files_are_objected_to(desk: Desk, path: str, content: str | bytes, words: str) -> None:
    found = desk.findings({path: content})
    assert f"{path} " in found["stray-files"]
    assert words in found["stray-files"]


@pytest.mark.parametrize(
    "files",
    [
        {"src/debug.py": "LEVEL = 1\n"},  # a module, not an experiment in the root
        {"build/made.py": "A = 1\n"},  # the project has a package of this name
        {"docs/notes.md": "# Notes\n", "CHANGES.md": "- fixed\n"},
        {"look.ipynb": NOTEBOOK % ""},
    ],
)
def test_files_that_belong_there_are_not_stray(desk: Desk, files: Mapping[str, str]) -> None:
    assert desk.findings(files) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LONG.replace("\n", "\r\n"), "from LF to CRLF"),
        (LONG.replace("\n", "\r\n", 5), "mixed"),
        ("\ufeff" + LONG, "byte order mark"),
        (LONG.replace("    ", "  ").replace("a, b", "a,b"), "changed in nothing but blanks"),
    ],
)
def test_noise_over_a_whole_file_is_objected_to(desk: Desk, content: str, words: str) -> None:
    found = desk.findings({"long.py": content.encode()})
    assert words in found["noise"]


def test_an_indented_block_and_a_small_file_are_no_noise(desk: Desk) -> None:
    indented = LONG.replace("    return a + b + 1\n", "        return a + b + 1\n")
    assert desk.findings({"long.py": indented, "build/__init__.py": "\n"}) == {}


def test_a_change_many_times_as_large_as_the_merged_one_is_objected_to(desk: Desk) -> None:
    many = "".join(f"NUMBER_{n} = {n}\n" for n in range(200))
    [(name, words)] = desk.findings({"calc.py": many}).items()
    assert name == "size"
    assert "calc.py" in words
    assert "where the merged change took 6" in words
    assert desk.findings({"calc.py": FIXED["calc.py"] + many[:500]}) == {}


def test_one_long_line_and_crowded_lines_are_as_large_as_many(desk: Desk) -> None:
    long = f"WORDS = [{', '.join(map(repr, range(8000)))}]\n"
    crowded = "".join("; ".join(f"a{n}_{m} = {m}" for m in range(6)) + "\n" for n in range(50))
    for text in (long, crowded, "x = 1\n" + "# " + "word " * 6000 + "\n"):
        assert "calc.py" in desk.findings({"calc.py": FIXED["calc.py"] + text})["size"]
    assert "data.csv" in desk.findings({"data.csv": "1,2," * 8000 + "\n"})["size"]


SILENCED = [
    *(
        ("calc.py", f"A = 1  # {words}\n")
        for words in (
            "noqa: F401",
            "NOQA",
            "type: ignore[attr-defined]",
            "fmt: off",
            "fmt:skip",
            "pragma: no cover",
            "pragma: no branch",
            "nosec B101",
            "ruff: noqa",
            "ruff: disable[F401]",
            "ruff: ignore[F401]",
            "flake8: noqa",
            "isort: skip_file",
            "isort:skip",
            "pylint: disable=all",
            "pylint: disable-next=x",
            "pylint: skip-file",
            "pyright: ignore",
            "pyright: basic",
            "mypy: ignore-errors",
            "pyre-ignore[7]",
            "pyre-fixme",
            "pytype: disable=x",
            "noinspection PyUnresolvedReferences",
            "NOSONAR",
            "yapf: disable",
            "autopep8: off",
        )
    ),
    ("calc.py", "import typing\n\n\n@typing.no_type_check\ndef f():\n    pass\n"),
    ("calc.pyi", "A: int  # type: ignore\n"),
    ("skipped.py", '"""isort:skip_file"""\n'),
    ("a.js", "/* eslint-disable no-console */\n"),
    ("a.ts", "// @ts-expect-error\n"),
    ("a.go", "x() //nolint:errcheck\n"),
    ("a.rs", "#[allow(dead_code)]\n"),
    ("a.rs", "#![expect(unused)]\n"),
    ("A.java", '@SuppressWarnings("all")\n'),
    ("a.kt", '@Suppress("X")\n'),
    ("a.cpp", "f(); // NOLINTNEXTLINE\n"),
    ("a.rb", "# rubocop:disable all\n"),
    ("a.php", "// @phpstan-ignore-next-line\n"),
    ("a.sh", "# shellcheck disable=SC2086\n"),
    ("a.md", "<!-- markdownlint-disable -->\n"),
]


@pytest.mark.parametrize(("path", "text"), SILENCED)
def test_what_silences_a_checker_is_objected_to(desk: Desk, path: str, text: str) -> None:
    found = desk.findings({path: f"{FIXED['calc.py'] if path == 'calc.py' else ''}{text}"})
    assert found == {"suppressions": f"{path}: a new comment silences a checker"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("calc.py", 'COMMENT = "# noqa"\n'),
        ("calc.py", "# What noqa does is told elsewhere; a type can be ignored.\n"),
        ("notes/noqa.md", "Write `# noqa` or `# type: ignore`, or `#[allow(dead_code)]`.\n"),
        ("a.rs", 'x.expect("allowed");\n'),
        ("a.js", "const ignore = disable;\n"),
    ],
)
def test_words_that_silence_nothing_are_let_pass(desk: Desk, path: str, text: str) -> None:
    assert desk.findings({path: f"{FIXED['calc.py'] if path == 'calc.py' else ''}{text}"}) == {}


def test_as_many_comments_may_silence_as_in_the_merged_change(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    merged = {"calc.py": f"import os  # noqa: F401\n{FIXED['calc.py']}"}
    desk.ticket = desk.ticket.model_copy(update={"gold": desk.repository.diff(merged)})
    assert desk.findings(merged) == {}
    assert desk.findings({"calc.py": f"import sys  # noqa\n{FIXED['calc.py']}"}) == {}
    found = desk.findings({"calc.py": f"import os, sys  # noqa\n{FIXED['calc.py']}A = 1  # noqa\n"})
    assert found == {"suppressions": "calc.py: 2 new comments silence a checker (the merged change has 1)"}


def test_the_checks_that_read_cost_milliseconds(desk: Desk) -> None:
    template = desk.repository.template
    root = open_workspace(template, desk.folder / "timed").root
    (root / "calc.py").write_text(FIXED["calc.py"])
    begun = time.perf_counter()
    for _ in range(20):
        read_change(READING_CHECKS, compare_with_base(root, template.tree), desk.ticket)
    assert (time.perf_counter() - begun) / 20 < 0.05


# Through the grader.


def with_checks(bench: Judge, *names: str) -> Judge:
    grader = bench.ticket.grader.model_copy(update={"checks": names})
    return Judge(bench.repository, bench.ticket.model_copy(update={"grader": grader}))


def test_a_submission_that_passes_the_tests_and_fails_a_check_is_failed_and_says_which(tmp_path: Path) -> None:
    bench = with_checks(judge(tmp_path), *READING_CHECKS)
    graded = bench.grade({**FIXED, "debug.py": "print(1)\n"})
    assert (graded.verdict, graded.tests, graded.acceptance, graded.failed) == ("failed", "passed", "failed", ())
    assert graded.objections == ("stray-files: debug.py looks like an experiment left in the root",)
    assert graded.reason.startswith("it passes the tests, but would not be merged as it is: stray-files: debug.py")
    clean = bench.grade(FIXED)
    assert (clean.verdict, clean.tests, clean.acceptance) == ("passed", "passed", "passed")


def test_a_submission_that_fails_both_says_both(tmp_path: Path) -> None:
    graded = with_checks(judge(tmp_path), *READING_CHECKS).grade({"debug.py": "print(1)\n"})
    assert (graded.verdict, graded.tests, graded.failed) == ("failed", "failed", (ADD,))
    assert graded.reason.startswith(f"FAIL_TO_PASS test {ADD} failed")
    assert "besides, stray-files: debug.py" in graded.reason


def test_a_deleted_test_is_seen_although_grading_puts_it_back(tmp_path: Path) -> None:
    graded = with_checks(judge(tmp_path), *READING_CHECKS).grade({**FIXED, "tests/test_calc.py": None})
    assert (graded.verdict, graded.tests) == ("failed", "passed")
    assert "existing-tests: tests/test_calc.py: the test test_mul was deleted" in graded.reason


def test_checks_that_the_ticket_does_not_hold_are_not_made(tmp_path: Path) -> None:
    graded = judge(tmp_path).grade({**FIXED, "debug.py": "print(1)\n"})
    assert (graded.verdict, graded.acceptance, graded.objections) == ("passed", None, ())


def test_a_replay_keeps_whether_the_tests_alone_passed(tmp_path: Path) -> None:
    bench = with_checks(judge(tmp_path), *READING_CHECKS)
    write = message(call("run_command", 1, command="sed -i 's/a - b/a + b/' calc.py && echo 1 > debug.py"))
    submit = message(call("submit", 3, summary="done"))
    with serving(script(write, submit)) as served:
        model = MessagesModel(ModelEndpoint(model="scripted", base_url=served.url))
        workshop = Workshop(Cache(tmp_path / "cache"), sandbox)
        job = ReplayJob(1, bench.ticket, load_surface(DEFAULT_ROOT), "measure")
        done = run_replay(job, OwnWorker(model, Limits()), workshop).replay
    assert (done.verdict, done.tests_passed) == ("failed", True), done.reason
    assert "would not be merged as it is" in done.reason
