"""Knows the comments and marks by which code silences the programs that check it."""

from __future__ import annotations

import io
import re
import tokenize
from functools import lru_cache
from pathlib import PurePosixPath

_ANYWHERE = (
    r"NOSONAR|noinspection|nosemgrep|lgtm\s*\[|codeql\s*\[|codespell:ignore|cspell:\s*(?:disable|ignore)"
    r"|spell-?checker:\s*(?:disable|ignore)|typos:\s*ignore|gitleaks:allow|pragma:\s*allowlist|@formatter:off"
)
"""Of programs that check every language."""

_PYTHON_COMMENT = (
    r"(?:ruff|flake8)\s*:\s*(?:noqa|disable|ignore|file-ignore)|noqa|nosec|nopycln"
    r"|(?:type|(?:based)?pyright|ty|pyrefly|pytype|zuban)\s*:\s*(?:ignore|disable|skip)|pyre-(?:ignore|fixme|unsafe)"
    r"|pyright\s*:\s*(?:basic|off|report\w+\s*=\s*(?:false|none))|mypy\s*:\s*[\w-]+|pylint\s*:\s*(?:disable|skip)"
    r"|(?:fmt|yapf|autopep8|black)\s*:\s*(?:off|skip|disable)|isort\s*:\s*(?:off|skip|skip_file)"
    r"|pragma\s*:?\s*no\s*(?:cover|branch|mutate)|sourcery\s+skip|deptry\s*:\s*ignore|vulture\s*:\s*ignore"
)

_PYTHON_CODE = rb"^[ \t]*@(?:\w+\.)*no_type_check\w*\b|isort\s*:\s*skip_file\b"
"""What silences outside comments: a decorator, and words in a docstring."""

_OTHER_CODE = (
    # JavaScript and TypeScript
    r"eslint-disable[\w-]*|oxlint-disable[\w-]*|tslint:disable|@ts-(?:ignore|nocheck|expect-error)|\$Flow(?:FixMe|Ignore)"
    r"|(?:biome|prettier|deno-lint|swift-format|dprint|stylua|trivy|tfsec|tflint)[-:]ignore[\w-]*|stylelint-disable[\w-]*"
    r"|jshint\s+ignore|jscs:disable|standard(?:rb)?[:-]disable|(?:istanbul|c8|v8)\s+ignore"
    # Go, C, C++ and C#
    r"|//\s*nolint\b|#\s*nosec\b|\bNOLINT(?:NEXTLINE|BEGIN)?\b|#\s*pragma\s+(?:warning\s*\(?\s*disable|(?:GCC|clang)\s+"
    r"diagnostic\s+ignored)|clang-format\s+off|cppcheck-suppress|(?:LCOV|GCOVR?)_EXCL_\w+|\bSuppressMessage\s*\("
    # Rust
    r"|#!?\[\s*(?:cfg_attr\s*\([^]\n]*)?(?:allow|expect)\s*\(|rustfmt::skip|tarpaulin::skip"
    # Java, Kotlin, Scala and Dart
    r"|@Suppress(?:Warnings|Lint|FBWarnings)?\s*\(|@file:Suppress|\bNOPMD\b|CHECKSTYLE[.:]\s*OFF|@nowarn\b|scalastyle:off"
    r"|scala(?:fmt|fix)\s*:\s*off|ktlint-disable|spotless:off|//\s*ignore(?:_for_file)?\s*:"
    # Ruby, PHP, Swift, Elixir, Haskell, Lua, Perl and R
    r"|rubocop\s*:\s*(?:disable|todo)|:nocov:|phpcs\s*:\s*(?:ignore|disable)|@phpstan-ignore[\w-]*|@psalm-suppress"
    r"|@codingStandardsIgnore\w*|@phan-suppress|@codeCoverageIgnore\w*|swiftlint:disable|credo:disable|@dialyzer\b"
    r"|HLINT\s+ignore|hlint\s+ignore|luacheck\s*:|selene\s*:\s*allow|no\s+critic\b|#\s*nolint\b|#\s*nocov\b"
    # Shells, containers, infrastructure and settings
    r"|shellcheck\s+disable|hadolint\s+(?:global\s+)?ignore|yamllint\s+disable|checkov:skip|kics-scan\s+\w+|zizmor:\s*ignore"
)

_PROSE = r"markdownlint-disable[\w-]*|prettier-ignore[\w-]*|vale\s+off|cspell:\s*(?:disable|ignore)"

_PYTHON_FILES = frozenset({".py", ".pyi", ".pyx", ".pxd", ".pyw"})
_PROSE_FILES = frozenset({".md", ".rst", ".txt", ".adoc", ".mdx", ".org"})

_IN_PYTHON = re.compile(rf"#[\s!:]*(?:{_PYTHON_COMMENT})\b|{_ANYWHERE}".encode(), re.IGNORECASE)
_BESIDE_COMMENTS = re.compile(_PYTHON_CODE, re.IGNORECASE | re.MULTILINE)
_IN_PROSE = re.compile(_PROSE.encode(), re.IGNORECASE)
_IN_CODE = re.compile(f"{_OTHER_CODE}|{_ANYWHERE}".encode())
"""By exact case: most of these are names."""


@lru_cache(maxsize=256)
def count_silencers(path: str, text: bytes) -> int:
    """Count what silences a checker in a file. Of Python only comments count, and marks."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _PROSE_FILES:
        return len(_IN_PROSE.findall(text))
    if suffix not in _PYTHON_FILES:
        return len(_IN_CODE.findall(text))
    marks = _BESIDE_COMMENTS.findall(text)
    if not _IN_PYTHON.search(text):
        return len(marks)
    comments = _read_comments(text)
    # An `isort: skip_file` in a comment is counted once.
    inside = sum(len(_BESIDE_COMMENTS.findall(comment)) for comment in comments)
    return len(marks) - inside + sum(len(_IN_PYTHON.findall(comment)) for comment in comments)


def _read_comments(text: bytes) -> list[bytes]:
    """Return the comments of Python code; all of a text that is none."""
    try:
        tokens = list(tokenize.tokenize(io.BytesIO(text).readline))
    except (tokenize.TokenError, SyntaxError, UnicodeError, ValueError):
        return [text]
    return [token.string.encode() for token in tokens if token.type == tokenize.COMMENT]
