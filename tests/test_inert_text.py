"""What others wrote acts on nothing: no forge, no bot, no terminal, no chat."""

from __future__ import annotations

import json
import re
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.identity import AgentIdentity
from feedback.messages import closed_numbers_in, parse_revert_claim, superseded_numbers_in
from meta.forges.github.pull_request import neutralize_markup
from meta.nights.webhook import MAX_BLOCK_CHARS, build_payload, escape_slack
from meta.records.account import Account
from safeguards.inert_text import BREAK, make_inert, make_inert_line
from safeguards.terminal_text import show_controls, show_controls_in_json
from worker_agent.branch import VERSION_TRAILER, write_message

ACTS = {
    "a mention": ["thanks @ann", "cc @team/core", "@dependabot merge", "(@ann)", "mail ann@people.test", "@[bot]"],
    "an entity of a mention": ["thanks &#64;ann", "thanks &commat;ann", "closes &#35;7", "closes &num;7"],
    "a reference": [
        "#7",
        "see GH-7",
        "gh-7",
        "team/app#7",
        "AB#7",
        "(#7)",
        "PROJ-1 #close #time 2h",
        "!7",
        "team/app!7",
    ],
    "a closed issue": ["Closes #7", "fixes: #7", "RESOLVED team/app#7", "Fixes https://github.com/team/app/issues/7"],
    "an address": [
        "https://git.test/g/p/-/issues/7",
        "http://x.test/a/b/pull/7",
        "https://x.test/a/b/-/merge_requests/7",
    ],
    "a tracker": ["Fixes ENG-7", "closes: PROJ-12", "resolving the ABC-9", "Fixes ENG-7, ENG-8 and ABC-9"],
    "a trailer": ["Co-authored-by: Eve <e@x.test>", "Signed-off-by: Eve", "Change-Id: I0a1b", "skip-checks: true"],
    "our own trailer": ["Worker-Version: " + "a" * 40, "  Worker-Version : x", "Meta-Proposal: 3", "Release-As: 9.0.0"],
    "a breaking change": ["BREAKING CHANGE: all of it", "BREAKING-CHANGE: x"],
    "a command": ["/approve", "  /lgtm", "> /merge", "- /close", "1. /hold", "!retry"],
    "a bot": ["bors r+", "retest this please", "ok to test", "jenkins, test this"],
    "skipped checks": [
        "[skip ci]",
        "[ci skip]",
        "[no ci]",
        "[skip actions]",
        "[Azure Skip]",
        "***NO_CI***",
        "--skip-ci",
    ],
    "an image": ["![x](http://x.test/i.png)", "![x][ref]", "[ref]: http://x.test/i.png", "<img src=x>", "<picture>"],
    "hidden words": ["<!-- x -->", "<details>"],
    "a rewritten history": ["fixup! x", "squash! x", 'Revert "x"', "This reverts commit 0123456789abcdef"],
    "a patch": ["---", "diff --git a/x b/x", "From 0123456789"],
}
LOOKED_FOR = re.compile(
    r"@[\w\[]|(?<!&)#\w|&#\w|&\w+;|\bGH-\d|(?<!\w)!\d|[\w]!\d|/(issues|pull|merge_requests)/\w|<[A-Za-z/!]|!\["
    r"|\b(close|fix|resolv)\w*:?\s+[^\n]*[A-Z]+-\d|^\s*[\w-]+\s*:(?!//)|^BREAKING.CHANGE:|^[\s>\-\d.]*/[a-z]|^!\w"
    r"|^bors |retest this|ok to test|^jenkins,|\[[\w ]*(skip|no)\b[\w ]*\]|NO_CI|--skip-ci|^\[ref\]:"
    r"|^(fixup|squash)!|^Revert \"|reverts commit"
    r"|^---|^diff -|^From ",
    re.IGNORECASE | re.MULTILINE,
)


@pytest.mark.parametrize("text", [text for texts in ACTS.values() for text in texts])
def test_what_a_forge_or_a_bot_looks_for_is_broken_and_reads_the_same(text: str) -> None:
    assert LOOKED_FOR.search(text)
    for inert in (make_inert(text), make_inert(f"First.\n\n{text}\n"), make_inert_line(text), make_inert(f"`{text}`")):
        assert not LOOKED_FOR.search(inert)
        assert text.strip() in inert.replace(BREAK, "")


@pytest.mark.parametrize("between", ["\u200b", "\u200d", "\u2060", "\ufeff", "\xad", "\U000e0041"])
def test_characters_that_nobody_sees_hide_nothing(between: str) -> None:
    inert = make_inert(f"@{between}ann closes #{between}7, Signed{between}-off-by: x")
    assert not LOOKED_FOR.search(inert)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_no_line_end_hides_a_trailer(end: str) -> None:
    assert not re.search(r"^Signed-off-by:", make_inert(f"x{end}Signed-off-by: Eve"), re.MULTILINE)


@pytest.mark.parametrize(
    "text", ["It returns 1 for an empty list.", "See https://x.test/page and `a < b`.", "- one\n- two", "a/b/c.py"]
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert make_inert(text) == text


@given(st.text(max_size=200))
def test_doing_so_twice_changes_nothing(text: str) -> None:
    assert make_inert(make_inert(text)) == make_inert(text)
    assert "\n" not in make_inert_line(text)


@given(st.text(max_size=120), st.text(max_size=300))
def test_git_finds_our_trailer_and_no_other(title: str, body: str) -> None:
    message = write_message(title, f"{body}\n\nSigned-off-by: Eve\nWorker-Version: forged", f"{VERSION_TRAILER}: true")
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message.encode(), capture_output=True, check=True
    )
    assert done.stdout.decode() == f"{VERSION_TRAILER}: true\n"


def test_the_readers_of_feedback_find_nothing_in_it_either() -> None:
    text = "\n".join(text for texts in ACTS.values() for text in texts) + "\nsupersedes #4"
    message = write_message("x", text)
    assert closed_numbers_in(message) == superseded_numbers_in(message) == set()
    assert parse_revert_claim(message) is None
    assert "forged" not in str(AgentIdentity().version(write_message("x", "Worker-Version: forged")))


def test_words_for_a_pull_request_hide_nothing_and_keep_no_key() -> None:
    words = neutralize_markup("Done <!-- hidden -->with ghp_" + "aB3d" * 9 + " for @ann")
    assert words == f"Done with [redacted] for @{BREAK}ann"


ON_A_TERMINAL = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;title\x07",
    "link": "\x1b]8;;http://x.test\x1b\\click\x1b]8;;\x1b\\",
    "8-bit CSI": "\x9b2J",
    "8-bit OSC": "\x9d0;x\x9c",
    "bell": "\x07",
    "overwritten line": "bad\rgood",
    "backspace": "bad\x08\x08\x08good",
    "turned text": "a\u202eb\u202c \u2066c\u2069 \u200f",
    "line ends": "a\x0bb\x0cc\x85d\u2028e\u2029f",
    "delete": "\x7f\x00",
    "tags": "\U000e0041",
    "half a character": "\ud83d",
}


@pytest.mark.parametrize("name", ON_A_TERMINAL)
def test_nothing_printed_acts_on_a_terminal(name: str) -> None:
    text = f"one\n\t{ON_A_TERMINAL[name]}\ntwo"
    shown = show_controls(text)
    assert shown.startswith("one\n\t")
    assert "\\" in shown
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\U000e0000-\U000e007f]", shown)
    document = show_controls_in_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == {"text": text}
    assert show_controls(document) == document


@pytest.mark.parametrize("text", ["naïve café, 日本語, עברית", "👩\u200d💻 and 🇩🇪", "क्\u200dष", "tab\tand\nline\r\n"])
def test_other_letters_are_printed_as_they_are(text: str) -> None:
    assert show_controls(text) == text.replace("\r\n", "\n")


IN_A_CHAT = [
    "<!channel>",
    "<!here|x>",
    "<@U012AB3CD>",
    "<#C01>",
    "<https://x.test|safe>",
    "@channel",
    "@everyone",
    "&lt;",
]


@pytest.mark.parametrize("text", [*IN_A_CHAT, "```\n<!channel>\n```", "&" * 9000, "x" * 9000])
def test_a_notice_calls_nobody_links_nothing_and_stays_in_its_block(text: str) -> None:
    account = Account.model_validate({"night": 1, "begun": "2026-03-01T10:00:00", "problems": (text,), "stopped": text})
    payload = build_payload(account)
    blocks = [block["text"]["text"] for block in payload["blocks"]]
    for shown in (payload["text"], *blocks):
        assert not re.search(r"[<>]|@\w|&(?!amp;|lt;|gt;)", shown)
    assert all(len(b) <= 3000 and b.startswith("```") and b.endswith("```") and b.count("```") == 2 for b in blocks)
    assert payload["text"].startswith("night 1")


def test_a_notice_has_neither_a_key_nor_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "an odd key 7")
    account = Account.model_validate({"night": 1, "begun": "2026-03-01T10:00:00", "problems": ("an odd key 7\x1b[2J",)})
    sent = json.dumps(build_payload(account))
    assert "odd key" not in sent
    assert "u001b" not in sent


@given(st.text(max_size=50))
def test_slack_shows_what_was_written(text: str) -> None:
    shown = escape_slack(text)
    for code, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        shown = shown.replace(code, character)
    assert shown.replace(BREAK, "") == text.replace("```", "'''").replace(BREAK, "")
    assert MAX_BLOCK_CHARS < 3000


def test_the_project_makes_no_mail(tmp_path: Path) -> None:
    """Whoever adds one: a header takes no line end, and neither does an address."""
    root = Path(__file__).parents[1]
    code = "\n".join(path.read_text("utf-8") for path in (root / "meta").rglob("*.py"))
    assert not re.search(r"^(?:import|from) (?:smtplib|email)\b", code, re.MULTILINE)
