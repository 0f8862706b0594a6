"""What a verdict says, and when there is none."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

import pytest

from meta.disk.free_space import guard_free_space
from meta.grading.grader import MAX_TIMEOUTS, grade_submission
from meta.records.replay import MACHINE_FAULT
from tests.repositories import ADD, CALC, FIXED, MUL, Files, judge, own_environment


def hidden(text: str) -> Files:
    return {"tests/test_calc.py": text}


def test_the_gold_change_passes_and_the_empty_submission_fails(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    assert bench.grade(bench.ticket.gold or "").verdict == "passed"
    nothing = bench.grade("")
    assert (nothing.verdict, nothing.failed) == ("failed", (ADD,))
    assert "assert -1 == 5" in nothing.reason


def test_a_submission_that_breaks_what_worked_fails_by_name(tmp_path: Path) -> None:
    graded = judge(tmp_path).grade({"calc.py": "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return 0\n"})
    assert (graded.verdict, graded.failed) == ("failed", (MUL,))
    assert graded.reason.startswith(f"PASS_TO_PASS test {MUL} failed")


def test_skipped_and_expected_failures_and_missing_tests_are_failures(tmp_path: Path) -> None:
    tests = """\
        import pytest
        from calc import add

        def test_skipped():
            pytest.skip("not today")

        @pytest.mark.xfail
        def test_expected_to_fail():
            assert add(2, 3) == 6

        @pytest.mark.xfail
        def test_passes_against_expectation():
            assert add(2, 3) == 5
        """
    names = ("test_skipped", "test_expected_to_fail", "test_passes_against_expectation", "test_missing")
    ids = tuple(f"tests/test_calc.py::{name}" for name in names)
    bench = judge(tmp_path, hidden=hidden(tests), fail_to_pass=ids, pass_to_pass=())
    assert bench.grade(FIXED).failed == ids


def test_an_import_error_in_the_hidden_tests_is_a_failure_in_its_own_words(tmp_path: Path) -> None:
    bench = judge(tmp_path, hidden=hidden("from calc import divide\n\n\ndef test_add():\n    pass\n"))
    graded = bench.grade(FIXED)
    assert graded.verdict == "failed"
    assert "cannot import name 'divide'" in graded.reason


def test_a_test_that_hangs_fails_and_the_others_still_count(tmp_path: Path) -> None:
    bench = judge(tmp_path, test_seconds=1.0)
    examined = bench.examine(
        {"calc.py": "import time\n\n\ndef add(a, b):\n    time.sleep(60)\n\n\ndef mul(a, b):\n    return a * b\n"}
    )
    assert examined.graded.failed == (ADD,)
    assert "did not end in time" in examined.graded.reason
    assert examined.reading is not None
    assert examined.reading.outcomes[MUL] == "passed"


def test_a_hang_whose_report_takes_its_time_ends_no_other_test(tmp_path: Path) -> None:
    tests = """\
        import time
        from calc import add

        def asked(failure):
            time.sleep(2.5)  # while pytest looks for the frames that its report shows

        def test_hangs():
            __tracebackhide__ = asked
            time.sleep(60)

        def test_add():  # runs after it
            assert add(2, 3) == 5
        """
    hangs = "tests/test_calc.py::test_hangs"
    bench = judge(tmp_path, hidden=hidden(tests), fail_to_pass=(ADD, hangs), pass_to_pass=(), test_seconds=1.0)
    examined = bench.examine(FIXED)
    assert examined.graded.failed == (hangs,)
    assert examined.reading is not None
    assert examined.reading.outcomes[ADD] == "passed"


def test_a_submission_is_given_up_after_two_tests_that_hang(tmp_path: Path) -> None:
    names = [f"test_{number}" for number in range(6)]
    tests = "from calc import add\n" + "".join(f"\n\ndef {name}():\n    assert add(2, 3) == 5\n" for name in names)
    ids = tuple(f"tests/test_calc.py::{name}" for name in names)
    bench = judge(tmp_path, hidden=hidden(tests), fail_to_pass=ids, pass_to_pass=(), test_seconds=1.0)
    examined = bench.examine(
        {"calc.py": "import time\n\n\ndef add(a, b):\n    time.sleep(600)\n"}, max_timeouts=MAX_TIMEOUTS
    )
    assert (examined.graded.verdict, examined.graded.failed) == ("failed", ids)
    assert "did not end in time" in examined.graded.reason
    assert examined.run is not None
    assert len([test for test in examined.run.tests if test.outcome == "timeout"]) == MAX_TIMEOUTS == 2


def test_a_run_that_hangs_where_no_time_out_reaches_it_is_a_failure(tmp_path: Path) -> None:
    stuck = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\nwhile True:\n    pass\n"
    graded = judge(tmp_path, seconds=3.0, test_seconds=1.0).grade({"calc.py": stuck})
    assert graded.verdict == "failed"
    assert "longer than its limit" in graded.reason


def test_a_process_that_the_submission_ends_is_a_failure_and_not_void(tmp_path: Path) -> None:
    graded = judge(tmp_path).grade({"calc.py": "import os\nos._exit(0)\n"})
    assert graded.verdict == "failed"
    assert "ended early" in graded.reason


def test_a_submission_that_the_conftest_cannot_import_is_a_failure_and_not_void(tmp_path: Path) -> None:
    base = {**CALC, "conftest.py": "import calc\n"}
    assert judge(tmp_path, base).grade({"calc.py": "this is not Python\n"}).verdict == "failed"


def test_a_diff_that_does_not_apply_is_a_failure(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    other = bench.repository.diff(FIXED).replace("return a - b", "return a % b")
    graded = bench.grade(other)
    assert graded.verdict == "failed"
    assert "does not apply" in graded.reason


def test_a_submission_with_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = (
        "diff --git a/leak b/leak\nnew file mode 120000\nindex 0000000..3594e94\n--- /dev/null\n+++ b/leak\n"
        "@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
    )
    assert "symbolic link" in judge(tmp_path).grade(link).reason


def test_an_environment_in_which_nothing_starts_is_void(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    empty = own_environment().model_copy(update={"path": (), "mounts": ()})
    graded = grade_submission(
        bench.ticket,
        bench.ticket.gold or "",
        bench.repository.bench(empty),
    )
    assert graded.verdict == "void"
    assert "the tests never started" in graded.reason


def test_on_a_full_disk_nothing_is_learnt_about_a_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = judge(tmp_path)
    monkeypatch.setattr("meta.disk.free_space.MIN_FREE_MB", 1 << 40)
    for diff in ("", bench.ticket.gold or ""):
        graded = bench.grade(diff)
        assert graded.verdict == "void"
        assert graded.reason.startswith(f"{MACHINE_FAULT} could not grade: [Errno 28] No space left on device")


@pytest.mark.parametrize(("inside", "full"), [(True, False), (False, True)])
def test_who_fills_the_disk_himself_has_no_excuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool, full: bool
) -> None:
    workspace, other = tmp_path / "workspace", tmp_path / "other"
    workspace.mkdir()
    other.mkdir()
    disk = os.statvfs(tmp_path)
    free = disk.f_bavail * disk.f_frsize >> 20
    if free < 3000:
        pytest.skip("not enough room to tell")
    monkeypatch.setattr("meta.disk.free_space.MIN_FREE_MB", free - 1000)
    monkeypatch.setattr("meta.disk.free_space.AMPLE_FREE_MB", 1 << 40)
    big = (workspace if inside else other) / "big"
    expected = pytest.raises(OSError, match="No space left") if full else contextlib.nullcontext()
    with expected, guard_free_space(workspace), big.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 2000 << 20)
    big.unlink()


def test_a_ticket_without_a_test_to_decide_by_is_void(tmp_path: Path) -> None:
    bench = judge(tmp_path, fail_to_pass=())
    assert bench.grade(FIXED).verdict == "void"


def test_hidden_files_are_added_replaced_and_removed(tmp_path: Path) -> None:
    base = {**CALC, "tests/expected.txt": "6", "tests/conftest.py": "raise RuntimeError('of the old tests')\n"}
    tests = """\
        from pathlib import Path
        from calc import add

        def test_add():
            assert add(2, 3) == int(Path(__file__).with_name("expected.txt").read_text())
        """
    changed = {"tests/test_calc.py": tests, "tests/expected.txt": "5", "tests/conftest.py": None}
    assert judge(tmp_path, base, changed, pass_to_pass=()).grade(FIXED).verdict == "passed"


def test_the_projects_own_pytest_options_are_kept(tmp_path: Path) -> None:
    base = {
        **CALC,
        "pytest.ini": "[pytest]\naddopts = -x --strict-markers\npython_functions = check_*\nxfail_strict = true\n",
    }
    tests = (
        "from calc import add\n\n\ndef check_add():\n    assert add(2, 3) == 5\n\n\ndef test_no():\n    assert False\n"
    )
    bench = judge(tmp_path, base, hidden(tests), fail_to_pass=("tests/test_calc.py::check_add",), pass_to_pass=())
    assert bench.grade(FIXED).verdict == "passed"
    assert bench.grade("").verdict == "failed"


def test_methods_parameters_fixtures_and_unittest_cases_are_graded_alike(tmp_path: Path) -> None:
    tests = """\
        import unittest
        import pytest
        from calc import add

        @pytest.fixture(scope="module")
        def numbers():
            return [2, 3]

        class TestAdd:
            def test_method(self, numbers, tmp_path):
                assert add(*numbers) == 5

        @pytest.mark.parametrize("a", [1, 2])
        def test_each(a):
            assert add(a, 1) == a + 1

        class Case(unittest.TestCase):
            def test_case(self):
                self.assertEqual(add(2, 3), 5)
        """
    names = ("TestAdd::test_method", "test_each[1]", "test_each[2]", "Case::test_case")
    ids = tuple(f"tests/test_calc.py::{name}" for name in names)
    bench = judge(tmp_path, hidden=hidden(tests), fail_to_pass=ids, pass_to_pass=())
    assert bench.grade(FIXED).verdict == "passed"
    assert bench.grade("").failed == ids


def test_asynchronous_tests_run_by_a_plugin_are_graded_alike(tmp_path: Path) -> None:
    base = {**CALC, "pytest.ini": "[pytest]\naddopts = -p anyio.pytest_plugin\n"}
    tests = """\
        import pytest
        from calc import add

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_add():
            assert add(2, 3) == 5
        """
    bench = judge(tmp_path, base, hidden(tests), pass_to_pass=())
    assert bench.grade(FIXED).verdict == "passed"
    assert bench.grade("").verdict == "failed"


def test_reports_arrive_while_the_tests_run(tmp_path: Path) -> None:
    from meta.languages.python.pytest_run import PytestOrders, run_pytest
    from worker_agent.workspace import open_workspace

    bench = judge(tmp_path)
    workspace = open_workspace(bench.repository.template, tmp_path / "workspace")
    seen = []
    orders = PytestOrders(["tests"], on_test=lambda t: seen.append(t.id))
    run = run_pytest(bench.repository.bench(), workspace.root, orders)
    assert seen == [MUL]
    assert run.collected == (MUL,)
    assert run.finished


def test_loopback_works_and_nothing_beyond_it(tmp_path: Path) -> None:
    tests = """\
        import socket
        import pytest
        from calc import add

        def test_add():
            server = socket.create_server(("127.0.0.1", 0))
            socket.create_connection(server.getsockname()).close()
            with pytest.raises(OSError):
                socket.create_connection(("192.0.2.1", 80), timeout=2)
            assert add(2, 3) == 5
        """
    assert judge(tmp_path, hidden=hidden(tests), pass_to_pass=()).grade(FIXED).verdict == "passed"


def test_every_run_sees_the_same_environment(tmp_path: Path) -> None:
    tests = """\
        import os, time
        from calc import add

        def test_add():
            assert os.environ["PYTHONHASHSEED"] == "0"
            assert time.tzname[0] == "UTC"
            assert not any("TOKEN" in name or "KEY" in name for name in os.environ)
            assert add(2, 3) == 5
        """
    assert judge(tmp_path, hidden=hidden(tests), pass_to_pass=()).grade(FIXED).verdict == "passed"


def test_the_hidden_tests_are_never_in_the_template(tmp_path: Path) -> None:
    bench = judge(tmp_path)
    bench.grade(FIXED)
    assert "test_add" not in (bench.repository.template.tree / "tests/test_calc.py").read_text()
    assert dataclasses.asdict(bench.repository.template)
    assert not list((tmp_path / "scratch").iterdir())
