"""What a hostile worker, model or program may leave behind: trees, diffs, reports, answers and transcripts."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from hypothesis import strategies as st

from worker_agent.records import INFRASTRUCTURE_ENDINGS, RunEnding

PASSING = '<testsuite><testcase classname="a" name="b"/></testsuite>'
FAILING = '<testsuite><testcase classname="a" name="b"><failure/></testcase></testsuite>'
BASE = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "given.xml": FAILING,
    "run.sh": "cp given.xml report.xml\n",
    "docs/guide.md": "A guide.\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-q'\n",
    "tests/test_calc.py": "def test_add():\n    assert True\n",
}
"""A project whose one test is decided by a report that anybody may write."""


OUTSIDE = "../" * 6 + "outside"
"""From a workspace to a folder of the host's that nothing may read or touch."""


T = TypeVar("T")


def pick(values: Sequence[T]) -> st.SearchStrategy[T]:
    """One of these values, which Hypothesis need not be able to print."""

    def choose(place: int) -> T:
        return values[place]

    return st.integers(0, len(values) - 1).map(choose)


def make_deep(root: Path, name: str, depth: int) -> None:
    """Make folders inside each other, deeper than any path may be."""
    here = os.open(root, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir(name, dir_fd=here)
            there = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = there
        os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)


Change = Callable[[Path], None]
"""Something done to a workspace, as a tool could do it. It may raise `OSError` or `ValueError`."""


def confine(root: Path, path: str) -> Path:
    """Return a path below the root. Raises `OSError` where links lead out: in a sandbox there is nothing outside."""
    if not Path(os.path.realpath(root / path)).is_relative_to(os.path.realpath(root)):
        raise FileNotFoundError(path)
    return root / path


def _place(root: Path, path: str) -> Path:
    """Return where a new entry goes: its folder is confined, a link of its own name is not followed."""
    confine(root, os.path.dirname(path.rstrip("/")) or ".")
    return root / path


def _write(path: str, content: bytes, mode: int) -> Change:
    def change(root: Path) -> None:
        target = confine(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)

    return change


def _link(path: str, target: str) -> Change:
    def change(root: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            _place(root, path).unlink()
        _place(root, path).symlink_to(target)

    return change


def _fill(path: str, count: int) -> Change:
    def change(root: Path) -> None:
        folder = confine(root, path)
        folder.mkdir()
        for number in range(count):
            os.mknod(folder / f"{number}")

    return change


def _truncate(path: str, size: int) -> Change:
    def change(root: Path) -> None:
        with confine(root, path).open("wb") as file:
            file.truncate(size)

    return change


def _listen(path: str) -> Change:
    def change(root: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(_place(root, path)))

    return change


NAMES = (
    *BASE,
    *(".git", ".GIT", "git~1", ".git/config", ".gitattributes", ".gitmodules", "sub/.git", "conftest.py", "setup.cfg"),
    *("report.xml", "report.xml/x", "tests", "docs", "aside", "aside/x", "x/__pycache__/y.pyc", "sitecustomize.py"),
    *("No space left on device", "x: Input/output error", "-rf", "--config=x.py", "@x", "a\nb", "a\tb", "a\\b", '"'),
    *("a\u2028b", "a\x85b", "\udcff", "e\u0301", "\xe9", "CALC.py", "con", "x" * 255, "x" * 300, "/".join("y" * 120)),
    *("/".join(["z" * 100] * 25), "...", " ", "*", "[", "\x01", "\x7f", "\U0010ffff", "a\0b"),
)
ODD_CONTENT = (
    b"",
    b"\0\xff\xfe",
    "caf\u00e9\n".encode("latin-1"),
    b"\xef\xbb\xbfx\r\ny\r",
    b"<<<<<<< a\n" * 3,
    b"[" * 3000,
    b"* filter=x diff=x text eol=crlf working-tree-encoding=UTF-16\n",
    b"[core]\n\tfsmonitor = touch /tmp/x\n",
    b"[[tool.pytest]]\n",
    b"x = " + b"(" * 5000,
    b"-" * 30_000,
)
names = st.one_of(pick(NAMES), st.text(st.characters(exclude_characters="/\0"), max_size=30), st.text(max_size=10))
contents = st.one_of(pick(ODD_CONTENT), st.binary(max_size=200), st.text(max_size=50).map(str.encode))
targets = pick(
    (
        OUTSIDE,
        f"{OUTSIDE}/file",
        f"{OUTSIDE}/new",
        "/dev/zero",
        "/proc/self/mem",
        ".",
        "..",
        "docs",
        "calc.py",
        "none",
        "/",
    )
)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(_write, names, contents, pick([0o644, 0o755, 0o000, 0o4777])),
    st.builds(_link, names, targets),
    st.builds(lambda path: lambda root: confine(root, path).mkdir(parents=True), names),
    st.builds(lambda path: lambda root: _place(root, path).unlink(), pick(list(BASE))),
    st.builds(lambda path: lambda root: os.mkfifo(_place(root, path)), names),
    st.builds(_listen, names),
    st.builds(lambda path, mode: lambda root: confine(root, path).chmod(mode), names, pick([0, 0o111, 0o777])),
    st.builds(lambda a, b: lambda root: os.link(_place(root, a), _place(root, b)), pick(list(BASE)), names),
    st.builds(lambda a, b: lambda root: _place(root, a).rename(_place(root, b)), pick(list(BASE)), names),
    st.builds(_truncate, names, pick([1, 65 << 20, 1 << 40])),
    st.builds(
        lambda name, depth: lambda root: make_deep(root, name, depth),
        pick(["d", "d" * 200, "__pycache__", ".git", "sub"]),
        pick([3, 99, 101, 1200]),
    ),
    st.builds(_fill, names, pick([3, 3, 3, 5500])),
)

SCRIPTS = (
    "exit 0",
    "cp given.xml report.xml; exit 3",
    f"ln -s {OUTSIDE}/file report.xml",
    "mkdir report.xml",
    "mkfifo report.xml",
    "ln -s . report.xml",
    "cp given.xml report.xml; chmod 0 report.xml .",
    f"cp given.xml report.xml; mkdir -p $(printf 'd/%.0s' $(seq 600)) a && ln -s {OUTSIDE} a/b",
    "head -c 30000000 /dev/zero > report.xml",
    "rm -rf * .git; echo gone",
    "kill -9 $$",
    "kill -9 -1",
    "printf '\\377\\0\\033[2J'; cat given.xml > report.xml",
)
REPORTS = (
    *(PASSING.encode(), PASSING.encode("utf-16"), PASSING.encode("utf-7"), b"", b"<", b"\0", b"<a>" * 20_000),
    b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><testsuite><testcase name="&d;"/></testsuite>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    *(f'<?xml version="1.0" encoding="{name}"?>{PASSING}'.encode() for name in ("utf-16", "klingon", "idna", "hex")),
    b'<testsuite><testcase classname="a" name="b" time="1e999"/></testsuite>',
    b'<testsuite><testcase classname="a" name="b" time="nan"/>' + b"<testcase/>" * 2000 + b"</testsuite>",
    b'<x:testsuite xmlns:x="y"><x:testcase name="a::b"/></x:testsuite>',
    PASSING.replace('"b"', '"b&#xD800;"').encode(),
)
reports = st.one_of(
    pick(REPORTS),
    st.binary(max_size=100),
    st.builds(
        lambda name, words: f"<?xml version='1.0' encoding='{name}'?><a><testcase name='{words}'/></a>".encode(
            "utf-8", "replace"
        ),
        st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="'<&"), max_size=15),
        st.text(max_size=20),
    ),
)

_MODES = ("100644", "100755", "120000", "0120000", "160000", "040000", "7", "99999999999999999999")
diffs = st.one_of(
    st.text(max_size=200),
    st.builds(
        lambda old, new, mode, body: (
            f"diff --git a/{old} b/{new}\nnew file mode {mode}\n--- /dev/null\n+++ b/{new}\n@@ -0,0 +1 @@\n+{body}\n"
        ),
        names,
        names,
        pick(_MODES),
        st.text(max_size=20),
    ),
    st.builds(
        lambda path, size, body: (
            f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex {'0' * 40}..{'1' * 40}\nGIT binary patch\n"
            f"literal {size}\n{body}\n\nliteral 0\nHcmV?d00001\n\n"
        ),
        names,
        pick([0, 5, 1 << 33, 1 << 62, 10**30, -1]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    ),
    st.builds(
        lambda old, new: f"diff --git a/{old} b/{new}\nsimilarity index 100%\nrename from {old}\nrename to {new}\n",
        pick(list(BASE)),
        names,
    ),
)


def nest(depth: int, leaf: Any = None) -> Any:
    """Return lists and objects inside each other."""
    for level in range(depth):
        leaf = {"a": leaf} if level % 2 else [leaf]
    return leaf


odd_text = st.one_of(
    st.text(max_size=30),
    pick(["\ud800", "\udcff\udc00", "a\0b", "a\u2028\u2029\x85b\x0b\x0c\x1c", "\x1b[2J\x1b]0;x\x07", "x" * 50_000]),
)
odd_numbers = st.one_of(st.integers(), pick([2**63, -(2**64), 10**400, 10**5000, 0, -1]), st.floats(), st.booleans())
json_values: st.SearchStrategy[Any] = st.one_of(
    st.recursive(
        st.one_of(st.none(), odd_text, odd_numbers),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(odd_text, inner, max_size=4)),
        max_leaves=12,
    ),
    pick([60, 101, 1500, 4000]).map(nest),
)
events = st.lists(st.dictionaries(odd_text, json_values, max_size=4), max_size=4)
endings = pick([ending for ending in get_args(RunEnding) if ending not in INFRASTRUCTURE_ENDINGS])
usages = st.fixed_dictionaries(
    {
        "calls": st.integers(0, 50),
        "input_tokens": st.one_of(st.integers(), pick([2**63, 10**400])),
        "output_tokens": st.one_of(st.integers(), pick([2**63, 10**400])),
        "cache_read_tokens": st.one_of(st.none(), st.integers()),
        "usd": st.one_of(st.none(), st.floats()),
    }
)

ERRORS: tuple[Callable[[], Exception], ...] = (
    RecursionError,
    MemoryError,
    lambda: KeyError("\udcff"),
    lambda: OSError(36, "File name too long", "x" * 5000),
    lambda: OSError(40, "No space left on device"),
    lambda: OSError("No space left on device"),
    lambda: NotADirectoryError(20, "No space left on device"),
    lambda: UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"),
    lambda: ValueError("embedded null byte"),
    lambda: RuntimeError("/.meta/" * 20_000),
    lambda: AssertionError(nest(2000)),
    StopIteration,
)
"""Errors that somebody's input may bring about in our own code."""


def _is_short(value: Any) -> bool:
    """Whether Python's own JSON writer can write it."""
    try:
        return len(json.dumps(value)) < 10_000
    except (RecursionError, ValueError):
        return False


raw_numbers = st.one_of(
    st.integers().map(str), pick(["9" * 5000, "1e999", "-0", "NaN", "true", "null", '"5"', "[]", "1e5"])
)
raw_values = st.one_of(
    json_values.filter(_is_short).map(json.dumps),
    raw_numbers,
    pick(["[" * 3000 + "]" * 3000, '{"a":' * 2000 + "1" + "}" * 2000, '"\\ud800"', '"\\u0000"', "{", "\\"]),
)
TOOLS = ("submit", "edit_file", "read_file", "search", "no such", "", "x" * 300, "\\ud800")
raw_blocks = st.one_of(
    st.builds(lambda text: f'{{"type": "text", "text": {text}}}', raw_values),
    st.builds(
        lambda name, given: f'{{"type": "tool_use", "id": "toolu_1", "name": "{name}", "input": {given}}}',
        pick(TOOLS),
        st.one_of(raw_values, pick(['{"path": "calc.py", "old": "-", "new": "\\ud800"}', "{}"])),
    ),
    raw_values,
)
raw_answers = st.one_of(
    st.builds(
        lambda blocks, used, reason: (
            f'{{"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{", ".join(blocks)}],'
            f' "stop_reason": {reason}, "usage": {{"input_tokens": {used}, "output_tokens": {used}}}}}'
        ).encode("utf-8", "surrogatepass"),
        st.lists(raw_blocks, max_size=3),
        raw_numbers,
        st.one_of(
            pick(['"end_turn"', '"tool_use"', '"max_tokens"', '"refusal"', '"pause_turn"', "null"]),
            raw_values,
        ),
    ),
    st.binary(max_size=60),
    st.builds(lambda value: value.encode("utf-8", "surrogatepass"), raw_values),
)
answers = st.lists(
    st.tuples(pick([200, 200, 200, 200, 400, 403, 404, 413, 422, 429, 500, 529]), raw_answers),
    min_size=1,
    max_size=3,
)


@dataclass(frozen=True, repr=False)
class Hostile:
    """One input for a replay, of one kind: what is not given is what an honest worker would do."""

    changes: list[Change] = field(default_factory=list)
    diff: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    summary: str = ""
    ended: RunEnding = "submitted"
    usage: dict[str, Any] = field(default_factory=dict)
    error: Callable[[], Exception] | None = None
    answers: list[tuple[int, bytes]] | None = None

    def __repr__(self) -> str:
        words = []
        for name, value in vars(self).items():
            try:
                words.append(f"{name}={repr(value)[:300]}" if value else "")
            except (RecursionError, ValueError):
                words.append(f"{name}=(cannot be shown)")
        return f"Hostile({', '.join(filter(None, words))})"


def _report_changes(report: bytes, script: str | None) -> list[Change]:
    found = [_write("given.xml", report, 0o644)]
    return [*found, _write("run.sh", script.encode(), 0o644)] if script else found


graded = st.one_of(
    st.builds(Hostile, changes=st.lists(changes, min_size=1, max_size=5)),
    st.builds(Hostile, changes=st.lists(changes, min_size=1, max_size=5)),
    st.builds(Hostile, changes=st.builds(_report_changes, reports, st.one_of(st.none(), pick(SCRIPTS)))),
    st.builds(Hostile, diff=diffs),
)
hostile = st.one_of(
    graded,
    graded,
    st.builds(Hostile, events=events, summary=odd_text, ended=endings, usage=usages, diff=odd_text),
    st.builds(Hostile, error=pick(ERRORS), events=events),
)
spoken = st.builds(Hostile, answers=answers)
HONEST = Hostile(changes=[_write("given.xml", PASSING.encode(), 0o644)])
