"""Chooses the test runner that a grader asks for."""

from __future__ import annotations

from meta.languages.junit.junit_run import JUnitRunner
from meta.languages.python.pytest_run import PytestRunner
from meta.languages.test_run import TestRunner
from meta.records.ticket import Grader


def choose_runner(grader: Grader) -> TestRunner:
    """Return the runner of the grader's command if it has one, otherwise pytest's."""
    return JUnitRunner() if grader.junit else PytestRunner()
