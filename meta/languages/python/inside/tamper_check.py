"""Notices when the test runner has been tampered with.

Code under test shares the process with pytest and can replace its functions or register hooks. What pytest and unittest
were made of is written down before any code of the repository is imported, and compared around each test that decides.
Tests may patch and restore; what is still patched when a deciding test begins counts.
"""

from __future__ import annotations

import os
import re
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PACKAGES = ("_pytest", "pluggy", "unittest.case", "unittest.suite", "unittest.result", "_unittest")

_TEST_FILE = re.compile(r"^(test_.*|.*_test|tests?|conftest)\.py$")
"""As in `meta.languages.python.test_files`, which cannot be imported here."""

_HOOKS = (
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_makereport",
    "pytest_runtest_logreport",
    "pytest_pyfunc_call",
    "pytest_exception_interact",
    "pytest_collection_modifyitems",
    "pytest_pycollect_makeitem",
    "pytest_fixture_setup",
    "pytest_make_collect_report",
)


def _parts() -> Iterator[tuple[Any, str, Any, Any, Any]]:
    """Yield every function of the runner: owner, name, value, function and code."""
    for module_name, module in list(sys.modules.items()):
        if any(module_name == package or module_name.startswith(package + ".") for package in _PACKAGES):
            owners = [
                module,
                *(v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module_name),
            ]
            for owner in owners:
                yield from _parts_of(owner)


def _parts_of(owner: Any) -> Iterator[tuple[Any, str, Any, Any, Any]]:
    for name, value in vars(owner).items():
        function = getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType):
            yield owner, name, value, function, function.__code__


def is_file_of_the_tests(path: str) -> bool:
    """Return whether a file, by its path below the root, is one of the tests.

    The grader has restored those.
    """
    parts = path.split(os.sep)
    return bool({"tests", "test"} & set(parts[:-1]) or _TEST_FILE.match(parts[-1]))


def _called(owner: Any) -> str:
    return f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else str(owner.__name__)


class TamperCheck:
    """Remembers what the runner is made of, and finds what was changed since."""

    def __init__(self, pluginmanager: Any, more: Sequence[Any] = ()) -> None:
        self._parts = [*_parts(), *(part for owner in more for part in _parts_of(owner))]
        self._manager = pluginmanager
        self._hooks = {id(impl.function) for impl in self._implementations()}
        self._root = os.getcwd() + os.sep

    def broken(self) -> str:
        """Return what has been replaced or added since, in words; empty for nothing."""
        for owner, name, value, function, code in self._parts:
            # This runs over thousands of parts around every deciding test, so nothing is called or built here.
            if vars(owner).get(name) is not value or function.__code__ is not code:
                return f"{_called(owner)}.{name} was replaced"
        for impl in self._implementations():
            if id(impl.function) not in self._hooks and self._is_foreign(impl.function):
                return f"the code under test registered {impl.function.__name__}"
        return ""

    def _implementations(self) -> Iterator[Any]:
        for name in _HOOKS:
            hook = getattr(self._manager.hook, name, None)
            if hook is not None:
                yield from hook.get_hookimpls()

    def _is_foreign(self, function: Any) -> bool:
        """Neither installed nor of the tests, whose conftests the grader has restored."""
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is None:
            return False
        path = os.path.abspath(code.co_filename)
        if not path.startswith(self._root):
            return not os.path.exists(path)  # made from text
        return not is_file_of_the_tests(path[len(self._root) :])
