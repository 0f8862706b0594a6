"""Writes a brief from what people wrote, without what gives the fix away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from worker_agent.records import Brief

MAX_TITLE_CHARS = 300
"""No subject line of a person is longer."""

_NOISE = re.compile(
    r"""^(\[?pre-commit\b | bump\b | release\b | prepare | version\b | revert\b | wip\b
    | v?\d+(\.\d+)+\S*(\ \W.*|\ (final|release\w*))?$
    | update[sd]?\ \S+(\.\w+)?$ | upgrade\ \S+$
    | update[sd]?\ (dependency|dependencies|ruff|black|mypy|flake8|pytest|tox|ci)\b
    | merge\ (branch|remote|upstream|main|master|pull)\b
    | apply\ (ruff|black|isort|lint|format)\w*\b | patch[\ -]\d+$ | \w+-patch-\d+$
    | apply\ suggestions | address\ (review|comments?)
    | (fix|fixes|fixed|cleanup|clean\ up|refactor|typos?|lint\w*|format\w*|black|isort|ruff|mypy|flake8|tests?|ci|docs?
      |changes?|updates?|improvements?|misc|oops|stuff|more)$
    | (add|adding|more|improve|fix|update)(\ \w+){0,2}\ tests?(\ cases?)?$
    | drop\ (support\ for\ )?py(thon)?\b | add\ (support\ for\ )?python\ \d
    | run\ (black|ruff|isort|pyupgrade) | (fix|run)\w*\ (lint|format|style|pep\ ?8|flake8|mypy|ci)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Subjects that do not say what to do."""

_PREFIX = re.compile(
    r"^(feat|fix|chore|docs?|refactor|perf|tests?|ci|build|style|bug|enh|bugfix)(\([^)]*\))?!?:\s*", re.I
)
_UNFIT_PREFIX = re.compile(r"^(chore|docs?|ci|build|style|tests?|refactor)(\([^)]*\))?!?:", re.IGNORECASE)
_TRAILER = re.compile(
    r"""^(co-authored-by|signed-off-by|change-id|reviewed-by|acked-by|cherry-picked|depends-on|claude-session
    |for\ more\ information,\ see|generated\ by|generated\ with|(assisted|generated|co-developed)-by
    |tested-by|pr-url|cc:|---+$|\*{3,}$|🤖).*""",
    re.IGNORECASE | re.VERBOSE,
)
_TELLS_HOW = re.compile(
    r"""^(\s*[-*]\s*)?(so\ |instead,?\ |therefore,?\ |fix(ed)?\ (this\ |it\ )?by\ |fix:
    |this\ (commit|change|patch|pr|fix)\ |the\ fix\b
    |replac|swap|switch|mov(e|ing)|rewrit|refactor|extract|wrap|guard|hoist|inline|renam|simplif|reus|declar
    |remove\ unused|register\ |emit\ |the\ same\ change\ is\b
    |fall(s|ing)?\ back|add\ (an?\ )?(\S+\ )?(guard|check|newline)\b|validate\ in|convert\ all|delegat|introduc
    |once\ .*,\ (calculate|compute)
    |((four|three|two|some|new|a)\ )*((add|writ|includ)\w*\ (\w+\ ){0,3}|regression\ |unit\ )(tests?|(\w+\ )?cases)\b
    |tests?\ (added|updated)|(fix|remove)\ (\d+\ )?(\w+\ )?tests?\b|((new|regression|unit)\ )+tests?\b
    |updat\w*\ (the\ )?(all\ )?(tests?|changelog|docs)|release\ note)""",
    re.IGNORECASE | re.VERBOSE,
)
"""How sentences begin that describe the change, not what is wrong or wanted."""


def brief_title_of(subject: str) -> str:
    """Return a subject line without the pull request's number and the kind of change.

    It is cut where no title goes on.
    """
    text = re.sub(r"\s*\((gh-|#)\d+\)\s*$", "", subject.strip()[:10_000])
    text = _PREFIX.sub("", text).strip().rstrip(".")
    first = text.split(" ")[0]
    text = text[:1].upper() + text[1:] if first.isalpha() else text
    return text if len(text) <= MAX_TITLE_CHARS else text[: MAX_TITLE_CHARS - 1].rstrip() + "…"


def why_not_a_brief(subject: str) -> str:
    """Say why a subject line cannot serve as a brief; empty if it can."""
    text = re.sub(r"\s*\((gh-|#)\d+\)\s*$", "", subject.strip()[:10_000])
    if found := _UNFIT_PREFIX.match(text):
        return f"its message says that behaviour does not change ({found[0]})"
    title = brief_title_of(subject)
    if _NOISE.match(title):
        return f"its message is not a brief: {title!r}"
    if len(re.findall(r"[^\W\d_]{2,}", re.sub(r"https?://\S+", "", title))) < 3:
        return f"its message is too short for a brief: {title!r}"
    return ""


def write_brief(subject: str, bodies: Iterable[str], gold: str) -> Brief:
    """Write title and body for the worker.

    `gold` is the merged change; sentences that repeat its code are left out of the body.
    """
    code = _find_added_lines(gold)
    added = {line for line in code if len(line) >= 12 and re.search(r"[(){}=\[\].]", line)}  # not ordinary words
    private = set(re.findall(r"^\+(?!\+\+).*?\b(_\w+)", gold, re.MULTILINE))
    title, kept = brief_title_of(subject), list[str]()
    seen = {_squeeze(title), _squeeze(f"*{title}"), _squeeze(f"-{title}")}
    for body in bodies:
        for paragraph in _split_paragraphs(body):
            if _is_code(paragraph):
                shown = "" if any(_squeeze(line) in code for line in paragraph.split("\n")) else paragraph
            else:
                shown = " ".join(_keep_sentences(paragraph, added, private)).strip()
                subject_line = shown.lstrip("*- ")  # of one of the commits that were squashed
                plain = brief_title_of(subject_line)
                about_else = _NOISE.match(plain) or _UNFIT_PREFIX.match(subject_line)
                shown = "" if about_else or plain.lower() == title.lower() else shown
            if shown.strip() and _squeeze(shown) not in seen:
                seen.add(_squeeze(shown))
                kept.append(shown)
    return Brief(title=title, body="\n\n".join(kept)[:6000])


def _split_paragraphs(body: str) -> Iterator[str]:
    text = re.sub(r"<!--.*?-->", "", body.replace("\r\n", "\n"), flags=re.DOTALL)
    lines = [line for line in text.split("\n") if not _TRAILER.match(line.strip())]
    fence: list[str] | None = None
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line.lstrip().startswith("```"):
            if fence is None:
                fence = [line]
            else:
                yield "\n".join([*fence, line])
                fence = None
        elif fence is not None:
            fence.append(line)
        elif line.strip() and not (re.match(r"\s*[-*] ", line) and paragraph):
            paragraph.append(line)
        else:
            if paragraph:
                yield "\n".join(paragraph)
            paragraph = [line] if line.strip() else []
    if paragraph:
        yield "\n".join(paragraph)


def _is_code(paragraph: str) -> bool:
    return paragraph.lstrip().startswith("```") or all(
        line.startswith(("    ", "\t")) for line in paragraph.split("\n")
    )


def _keep_sentences(paragraph: str, added: set[str], private: set[str]) -> Iterator[str]:
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z`*\[(])", paragraph.replace("\n", " ")):
        names = set(re.findall(r"\b_\w+", sentence))
        repeats = any(line in _squeeze(sentence) for line in added)
        if not repeats and not _TELLS_HOW.match(sentence) and not names & private:
            yield re.sub(r" {2,}", " ", sentence)


def _find_added_lines(gold: str) -> set[str]:
    """Return the added lines of a diff, without spaces and without trivial ones."""
    lines = (_squeeze(line[1:]) for line in gold.split("\n") if line.startswith("+") and not line.startswith("+++"))
    return {line for line in lines if len(line) >= 7 and re.search(r"\W", line)}


def _squeeze(text: str) -> str:
    return re.sub(r"[\s`]+", "", text)
