"""Runs a command that writes JUnit XML, and reads its report.

This is weaker than pytest: no bait can be laid for a runner that is not known, and the code under test can write any
report it likes. What still holds: the second workspace, protected and hidden files that the submission cannot touch, no
report from before the run, everything that the run started ended before the report is read, a parser without entities,
and an exit code that has to agree with the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from meta.environments.workshop import Bench
from meta.languages.test_run import DETERMINISTIC_VARIABLES, RunOptions, RunReading, TestReport, TestRun
from meta.records.ticket import Grader
from worker_agent.foreign_tree import OddTree, read_regular_file, remove_file, walk_tree
from worker_agent.sandbox.job import Mount, SandboxJob, SandboxLimits
from worker_agent.sandbox.process import run_job

MAX_REPORT_BYTES = 20_000_000
"""The most bytes that are read of all reports together."""

MAX_REPORTED_TESTS = 100_000

MAX_SECONDS = 1e6
"""No test takes as long; a report that says so is not believed about its times."""

WEAKER_VERDICT_NOTE = ", by a JUnit report, which the code under test could forge"
"""Shown with every such verdict."""

_OUTCOMES = {"failure": "failed", "error": "error", "skipped": "skipped"}
_WORST = ("passed", "skipped", "failed", "error")


class BadReport(Exception):
    """A report that cannot be believed or read; the message says why."""


@dataclass
class _Reader:
    """Collects test cases while the parser runs, and keeps nothing else."""

    found: dict[str, TestReport]
    current: TestReport | None = None
    words: str = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition("}")[2]
        if tag == "testcase":
            if len(self.found) >= MAX_REPORTED_TESTS:
                raise BadReport(f"it holds more than {MAX_REPORTED_TESTS} tests")
            self.current = TestReport(
                test_id_of(attributes), 0, "passed", seconds=_parse_seconds(attributes.get("time", ""))
            )
        elif self.current and tag in _OUTCOMES:
            self.current = replace(self.current, outcome=_OUTCOMES[tag], why=attributes.get("message", "")[:2000])
            self.words = ""

    def data(self, text: str) -> None:
        self.words = (self.words + text)[-2000:]

    def end(self, tag: str) -> None:
        tag = tag.rpartition("}")[2]
        if self.current is None:
            return
        if tag in ("failure", "error") and self.words.strip():
            self.current = replace(self.current, why=f"{self.current.why}\n{self.words.strip()}".strip()[-2000:])
        elif tag == "testcase":
            # Two tests may share an id. Nothing tells which one was meant, so the worse outcome counts.
            known = self.found.get(self.current.id)
            if known is None or _WORST.index(self.current.outcome) > _WORST.index(known.outcome):
                self.found[self.current.id] = self.current
            self.current = None


def test_id_of(attributes: dict[str, str]) -> str:
    """Return `classname::name`, or the name alone."""
    parts = (attributes.get("classname", "").strip(), attributes.get("name", "").strip())
    return "::".join(part for part in parts if part)


def parse_junit(reports: Sequence[bytes]) -> tuple[TestReport, ...]:
    """Read the tests of JUnit reports. Raises `BadReport`."""
    found: dict[str, TestReport] = {}
    if sum(map(len, reports)) > MAX_REPORT_BYTES:
        raise BadReport(f"it is larger than {MAX_REPORT_BYTES // 1_000_000} MB")
    for report in reports:
        # Entities can make a small file huge or make the parser open other files; without a document type there are
        # none. The reader builds no tree, not even that of `iterparse`: it can be many times as large as the report.
        parser = DefusedXMLParser(target=_Reader(found), forbid_dtd=True)
        try:
            parser.feed(report)
            parser.close()
        except DefusedXmlException:
            raise BadReport("it declares a document type or entities") from None
        except BadReport:
            raise
        except Exception as error:  # besides ParseError: whatever Python's codecs raise about its encoding
            raise BadReport(f"it is not XML: {type(error).__name__}: {error}"[:500]) from None
    return tuple(found.values())


class JUnitRunner:
    """Runs a grader's command and reads the report that it writes.

    It takes no options, because the command is not known.
    """

    def run(self, bench: Bench, workspace: Path, grader: Grader, options: RunOptions = RunOptions()) -> TestRun:
        """Run the command. `started` is false when it leaves no report to read."""
        assert grader.junit is not None
        for stale in _find_reports(workspace, grader.junit.report):
            remove_file(workspace, stale)
        done = run_job(bench.sandbox, _job_of(bench, workspace, grader, grader.junit.command))
        texts = [] if done.timed_out else list(_read_reports(workspace, grader.junit.report))
        tests, distrust = _parse(texts, done.returncode)
        reading = RunReading(
            outcomes={} if distrust else {test.id: test.outcome for test in tests},
            words={test.id: test.why for test in tests},
            seconds={test.id: test.seconds for test in tests},
            distrust=distrust,
        )
        return TestRun(
            tests=tests,
            started=bool(texts),
            finished=not done.timed_out,
            timed_out=done.timed_out,
            output=done.output,
            seconds=done.seconds,
            reading=reading,
            collected=tuple(test.id for test in tests),
        )


def _job_of(bench: Bench, workspace: Path, grader: Grader, command: str) -> SandboxJob:
    return SandboxJob(
        argv=["sh", "-c", command],
        workspace=workspace,
        mounts=[Mount(folder) for folder in bench.environment.mounts],
        variables={**DETERMINISTIC_VARIABLES, **bench.environment.variables},
        path=bench.environment.path,
        limits=replace(bench.limits or SandboxLimits(), seconds=grader.seconds),
    )


def _parse(reports: Sequence[bytes], exit_code: int) -> tuple[tuple[TestReport, ...], str]:
    """Return the tests of the reports, and the reason not to believe them, if any."""
    try:
        tests = parse_junit(reports)
    except BadReport as bad:
        return (), f"its report is not believed: {bad}"
    if tests and exit_code and all(test.outcome in ("passed", "skipped") for test in tests):
        return tests, f"the command ended with exit code {exit_code}, and its report names no failure"
    return tests, ""


def _find_reports(root: Path, pattern: str) -> list[str]:
    """Return the paths of the files that match, sorted."""
    wanted = PurePosixPath(pattern)
    if not set("*?[") & set(pattern):
        return [str(wanted)]
    return sorted(path for path, _ in walk_tree(root) if _matches(path.split("/"), wanted.parts))


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        return any(_matches(path[skipped:], pattern[1:]) for skipped in range(len(path)))
    return fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])


def _read_reports(root: Path, pattern: str) -> Iterator[bytes]:
    size = 0
    for path in _find_reports(root, pattern):
        try:
            report = read_regular_file(root, path, MAX_REPORT_BYTES)
        except OddTree:
            report = b"x" * (MAX_REPORT_BYTES + 1)
        if report is not None:
            size += len(report)
            yield report
        if size > MAX_REPORT_BYTES:
            return


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < MAX_SECONDS else 0.0
