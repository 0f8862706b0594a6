"""Grading by a command that writes JUnit XML: here a shell script that runs unittest and writes the report itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.languages.junit.junit_run import MAX_REPORT_BYTES, BadReport, parse_junit
from meta.records.replay import Graded
from meta.records.ticket import Grader, HiddenFile, JUnit, Ticket
from meta.tickets.admission.proof import admit_ticket
from tests.repositories import Files, Judge, Repository

RUNNER = """\
import sys
import unittest
from xml.sax.saxutils import quoteattr

FOUND = []


class Result(unittest.TestResult):
    def stopTest(self, test):
        bad = [words for case, words in (*self.failures, *self.errors) if case is test]
        classname, _, name = test.id().rpartition(".")
        inside = f"<failure message={quoteattr(bad[0])}/>" if bad else ""
        about = f"classname={quoteattr(classname)} name={quoteattr(name)} time='0.01'"
        FOUND.append(f"<testcase {about}>{inside}</testcase>")


result = Result()
unittest.defaultTestLoader.discover("spec", "*_spec.py").run(result)
with open("report.xml", "w") as file:
    file.write("<testsuites><testsuite>" + "".join(FOUND) + "</testsuite></testsuites>")
sys.exit(not result.wasSuccessful())
"""
SPEC = """\
import sys
import unittest

sys.path.insert(0, ".")
from calc import add, mul


class Calc(unittest.TestCase):
    def test_mul(self):
        self.assertEqual(mul(2, 3), 6)
"""
HIDDEN = SPEC + "\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n"
CALC = "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"
BASE: Files = {"calc.py": CALC, "run.sh": "exec python runner.py\n", "runner.py": RUNNER, "spec/calc_spec.py": SPEC}
FIXED = {"calc.py": CALC.replace("a - b", "a + b")}
ADD, MUL = "calc_spec.Calc::test_add", "calc_spec.Calc::test_mul"
FORGED = (
    "<testsuite>"
    '<testcase classname="calc_spec.Calc" name="test_add"/><testcase classname="calc_spec.Calc" name="test_mul"/>'
    "</testsuite>"
)


def bench(folder: Path) -> Judge:
    repository = Repository(folder, BASE)
    grader = Grader(
        fail_to_pass=(ADD,),
        pass_to_pass=(MUL,),
        seconds=20,
        hidden=(HiddenFile(path="spec/calc_spec.py", content=HIDDEN.encode()),),
        junit=JUnit(command="sh run.sh", report="report.xml", protected=("run.sh", "runner.py", "spec/*")),
    )
    gold = repository.diff(FIXED)
    return Judge(
        repository,
        Ticket(id="calc", title="Sums", repo="-", base_commit=repository.base, gold=gold, grader=grader),
    )


@pytest.fixture(scope="module")
def calc(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return bench(tmp_path_factory.mktemp("junit"))


def test_gold_passes_and_the_verdict_says_that_it_is_weaker(calc: Judge) -> None:
    graded = calc.grade(FIXED)
    assert (graded.verdict, graded.tests) == ("passed", "passed")
    assert "by a JUnit report, which the code under test could forge" in graded.reason


def test_the_empty_submission_fails_in_the_reports_words(calc: Judge) -> None:
    graded = calc.grade("")
    assert (graded.verdict, graded.failed) == ("failed", (ADD,))
    assert "-1 != 5" in graded.reason


@pytest.mark.parametrize(
    "files",
    [
        {"report.xml": FORGED, "calc.py": "import os\nos._exit(0)\n"},  # a report from before the run
        {"run.sh": f"echo '{FORGED}' > report.xml\n"},  # what steers the command
        {"runner.py": f"open('report.xml', 'w').write('''{FORGED}''')\n"},
        {"spec/calc_spec.py": "import unittest\n"},
        {"spec/more_spec.py": f"import os\nopen('report.xml', 'w').write('''{FORGED}''')\nos._exit(0)\n"},
        {"calc.py": f"import os\nopen('report.xml', 'w').write('''{FORGED}''')\nos._exit(1)\n"},  # the exit code tells
        {"calc.py": "import os\nos.symlink('/etc/passwd', 'report.xml')\nos._exit(0)\n"},
        {"calc.py": "import os\nopen('report.xml', 'w').write('<testsuite><testcase')\nos._exit(0)\n"},
    ],
)
def test_what_does_not_do_the_work_does_not_pass(calc: Judge, files: Files) -> None:
    assert calc.grade(files).verdict == "failed"


def test_a_missing_report_is_the_submissions_doing_where_the_merged_change_leaves_one(calc: Judge) -> None:
    graded = calc.grade({"calc.py": "import os\nos._exit(0)\n"})
    assert graded.verdict == "failed"
    assert "left no report, and the merged change does" in graded.reason


def test_where_the_merged_change_leaves_none_either_it_is_void(calc: Judge) -> None:
    broken = calc.ticket.grader.model_copy(update={"junit": JUnit(command="true", report="report.xml")})
    graded: Graded = Judge(calc.repository, calc.ticket.model_copy(update={"grader": broken})).grade("")
    assert graded.verdict == "void"


def test_admission_works_with_it(tmp_path: Path) -> None:
    desk = bench(tmp_path)
    wrong = desk.repository.diff({"calc.py": CALC.replace("a - b", "5 * a")})
    ticket = desk.ticket.model_copy(update={"rejected": wrong})
    found, admitted = admit_ticket(
        ticket,
        desk.repository.bench(),
        runs=1,
    )
    assert found.status == "admitted"
    assert found.reason == "weak: its JUnit report could be forged by the code under test"
    assert "size" in admitted.grader.checks


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><testsuite><testcase name="&c;"/></testsuite>'


@pytest.mark.parametrize("text", [BOMB, "", "<testsuite>", "{}", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'])
def test_a_report_that_is_no_plain_xml_is_refused(text: str) -> None:
    with pytest.raises(BadReport):
        parse_junit([text.encode()])


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "cp1252"])
def test_a_report_may_come_in_another_encoding(encoding: str) -> None:
    (test,) = parse_junit([f'<?xml version="1.0" encoding="{encoding}"?><a><testcase name="ä"/></a>'.encode(encoding)])
    assert test.id == "ä"


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "shift_jis", "idna", "utf-7", "utf-16"])
def test_a_report_whose_encoding_cannot_be_read_is_refused(encoding: str) -> None:
    with pytest.raises(BadReport):
        parse_junit([f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode()])


@pytest.mark.parametrize("report", [b"<a>" * 100_000, b"x" * (MAX_REPORT_BYTES + 1)])
def test_a_report_that_is_too_deep_or_too_large_is_refused(report: bytes) -> None:
    with pytest.raises(BadReport):
        parse_junit([report])


def test_of_two_reports_about_one_test_the_worse_counts() -> None:
    alone = '<testcase name="alone"><skipped/></testcase>'
    good = f'<testsuite><testcase classname="a" name="b" time="1,000.5"/>{alone}</testsuite>'
    bad = '<testsuite><testcase classname="a" name="b"><error message="no">at line 3</error></testcase></testsuite>'
    first, second = parse_junit([bad.encode(), good.encode()])
    assert (first.id, first.outcome, first.why) == ("a::b", "error", "no\nat line 3")
    assert (second.id, second.outcome) == ("alone", "skipped")
