"""What a model service may answer: each thing has its meaning, and none breaks a conversation or a transcript."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.records.replay import Replay
from meta.store.store import Store
from tests.messages_server import Answer, call, error, message, script, text
from tests.worker_run import DONE, FIX, Run
from worker_agent.answer import read_content, read_json
from worker_agent.conversation import answer_call
from worker_agent.model import ModelMisconfigured, Price
from worker_agent.records import Limits
from worker_agent.wire_messages import prepare_messages, replace_unsendable

TOO_LONG = """\
prompt is too long: 213462 tokens > 200000 maximum
input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens`
This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens.
Your input exceeds the context window of this model. Please adjust your input and try again.
'max_completion_tokens' is too large: 2000. This model's maximum context length is 4096 tokens and your request has 2104
Error, code context_length_exceeded
Input length (265330) exceeds model's maximum context length (262144).
The decoder prompt (length 5000) is longer than the maximum model length of 4096.
You passed 32769 input tokens and requested 1 output tokens. However, the model's context length is only 32768 tokens
the request exceeds the available context size, try increasing it
request (16650 tokens) exceeds the available context size (8192 tokens), try increasing it; exceed_context_size_error
Context size has been exceeded.
the input length exceeds the context length
prompt too long; exceeded max context length by 4 tokens
input prompt too long
The number of tokens to keep from the initial prompt is greater than the context length.
tokens in request more than max tokens allowed
Prompt exceeds max length
Prompt 超长
Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)
Input token length too long
<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]
Input is too long for requested model.
Too many input tokens. Max input tokens: 128000, request input token count: 131000
The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).
Unable to submit request because the input token count is 1200000 but model only supports up to 1048576.
Request payload size exceeds the limit: 20971520 bytes
Prompt contains 33000 tokens and 0 draft tokens, too large for model with 32768 maximum context length
Please reduce the length of the messages or completion.
The input (516368 tokens) is longer than the model's context length (262144 tokens).
Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 100
This endpoint's maximum context length is 204800 tokens. However, you requested about 309977 tokens
This model's maximum prompt length is 131072 but the request contains 537812 tokens.
invalid params, context window exceeds limit (2013)
prompt token count of 170000 exceeds the limit of 128000
Input length 131393 exceeds the maximum allowed input length of 131040 tokens.
Prompt has 5,958,968 tokens, but the configured context size is 256,000 tokens
too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 9000
The estimated number of input and maximum output tokens (9000) exceeded this model context window limit (7968).
the number of input tokens 9000 cannot exceed the total tokens limit 8192 for this model
Prompt too long: 5152 tokens exceeds max_seq_len 2048 (leave room for output tokens)
Requested tokens (11280) exceed context window of 2048
Total tokens of image and text exceed max message tokens""".splitlines()

OTHERWISE_WRONG = """\
max_tokens: 65536 > 32768, which is the maximum allowed number of output tokens
tools.0.name: String should have at most 128 characters
tool name exceeds maximum length of 64
max_tokens is too large: 100000
messages: text content blocks must be non-empty
Too many tokens, please wait before trying again.
temperature: range: 0..1""".splitlines()


@pytest.mark.parametrize("words", TOO_LONG)
def test_every_service_may_say_in_its_own_words_that_a_conversation_is_too_long(run: Run, words: str) -> None:
    done = run(script(message(FIX), error(400, "invalid_request_error", words)))
    assert (done.ended, words[:30] in done.detail) == ("context_too_long", True)


def test_so_may_a_status_or_an_error_without_one(run: Run) -> None:
    assert run(script(message(FIX), error(413, "request_too_large"))).ended == "context_too_long"
    body = {"error": {"message": "prompt is too long", "type": "invalid_request_error"}}
    run.scratch = run.scratch / "again"
    assert run(script(message(FIX), (200, json.dumps(body).encode(), {}))).ended == "context_too_long"


@pytest.mark.parametrize("words", OTHERWISE_WRONG)
def test_what_is_wrong_otherwise_is_not_too_long(run: Run, words: str) -> None:
    done = run(script(message(FIX), error(400, "invalid_request_error", words)))
    assert (done.ended, words in done.detail) == ("request_rejected", True)


def test_a_conversation_that_is_rejected_at_once_fails_if_a_plain_question_is_answered(run: Run) -> None:
    done = run(lambda body, _: error(400, "invalid_request_error", "odd") if "tools" in body else message(text("yes")))
    assert done.ended == "request_rejected"
    assert "odd" in done.detail
    assert [("tools" in body) for body in run.requests] == [True, False]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_settings_that_no_conversation_can_have_stop_everything(run: Run, status: int) -> None:
    with pytest.raises(ModelMisconfigured, match=str(status)):
        run(script(error(status, "some_error", "no")))


@pytest.mark.parametrize("status", [401, 403])
def test_a_firewall_that_dislikes_a_conversation_fails_it_and_a_key_that_ends_stops_all(run: Run, status: int) -> None:
    def answer(body: dict[str, Any], number: int) -> Answer:
        return message(FIX) if number == 0 else error(status, "x") if "tools" in body else message(text("yes"))

    assert run(answer).ended == "request_rejected"
    run.scratch = run.scratch / "again"
    with pytest.raises(ModelMisconfigured):
        run(script(message(FIX), error(status, "x")))


def told(run: Run, request: int) -> str:
    """What the model was told last, before it was asked the given time."""
    return json.dumps(run.requests[request]["messages"][-1]["content"])


def test_an_answer_that_was_cut_off_is_neither_done_nor_taken_for_a_submission(run: Run) -> None:
    cut = message(FIX, call("submit", 2, summary="half a sen"), stop_reason="max_tokens")
    done = run(script(cut, message(text("I think that"), stop_reason="max_tokens"), message(FIX), message(DONE)))
    assert done.ended == "submitted"
    assert told(run, 1).count("cut off at 8192 tokens") == 2
    assert "cut off" in told(run, 2)
    assert [e["kind"] for e in run.events] == ["start", "reply", "reply", "reply", "tool", "reply", "check", "end"]


def test_text_that_was_cut_off_changes_no_file(run: Run, surface: Callable[..., Path]) -> None:
    whole = message(text("calc.py\n```\ndef mean(n):\n    return 0"), stop_reason="max_tokens")
    right = message(text("calc.py\n```\ndef mean(n):\n    return 1\n```"))
    done = run(script(whole, right), surface=surface(('protocol = "tools"', 'protocol = "text"')))
    assert "+    return 1" in done.diff
    assert "cut off" in told(run, 1)


def test_a_refusal_ends_the_run_in_the_models_words(run: Run) -> None:
    done = run(script(message(text("I cannot help with that."), stop_reason="refusal")))
    assert (done.ended, done.detail) == ("refusal", "I cannot help with that.")
    run.scratch = run.scratch / "again"
    body = json.dumps({**message(stop_reason="refusal"), "content": None}).encode()
    assert run(script((200, body, {}))).ended == "refusal"


def test_a_context_that_is_full_ends_the_run(run: Run) -> None:
    done = run(script(message(FIX, DONE, stop_reason="model_context_window_exceeded")))
    assert (done.ended, done.diff) == ("context_too_long", "")


def test_a_pause_goes_on_where_it_stopped(run: Run) -> None:
    done = run(script(message(text("Let me think."), stop_reason="pause_turn"), message(FIX), message(DONE)))
    assert done.ended == "submitted"
    assert run.requests[1]["messages"][-1]["role"] == "assistant"
    assert not [e for e in run.events if e["kind"] == "check"][1:]


def test_a_call_that_got_lost_is_no_submission(run: Run) -> None:
    done = run(script(message(text("I call a tool."), stop_reason="tool_use"), message(FIX), message(DONE)))
    assert done.ended == "submitted"
    assert "did not arrive" in told(run, 1)


@pytest.mark.parametrize("blank", [[], [text("")], [text(" \n")]])
def test_blank_answers_are_the_models_own_failure(run: Run, blank: list[dict[str, Any]]) -> None:
    done = run(script(message(*blank)))
    assert done.ended == "no_change"
    for request in run.requests:
        roles = [m["role"] for m in request["messages"]]
        assert roles == ["user"]
        assert all(b["text"].strip() for m in request["messages"] for b in m["content"])


def test_an_empty_block_is_never_sent_back(run: Run) -> None:
    done = run(script(message(text(""), FIX), message(text("\n"), DONE)))
    assert done.ended == "submitted"
    assert [b["type"] for b in run.requests[1]["messages"][1]["content"]] == ["tool_use"]


@pytest.mark.parametrize("given", ["x", 3, None, ["summary"], True])
def test_input_that_is_no_object_gets_an_error_and_the_conversation_goes_on(run: Run, given: object) -> None:
    odd = [{**call("submit", 1), "input": given}, {**call("edit_file", 2), "input": given}]
    done = run(script(message(*odd), message(FIX), message(DONE)))
    assert done.ended == "submitted"
    _, assistant, user = run.requests[1]["messages"]
    assert [b["input"] for b in assistant["content"]] == [{}, {}]
    assert all(b["is_error"] and "JSON object" in b["content"] for b in user["content"])


def test_names_and_ids_in_the_history_are_legal_and_stay_the_same(run: Run) -> None:
    odd = [
        {**call("functions.read file:0", 1), "id": "call:1"},
        {**call("", 2), "id": "call:1"},
        {**call("x" * 300, 3), "id": ""},
        {**call("süche", 4), "id": None},
        {"type": "tool_use", "input": {}},
    ]
    done = run(script(message(*odd), message({**FIX, "id": "call:1"}), message(DONE)))
    assert done.ended == "submitted"
    first, last = (run.requests[n]["messages"] for n in (1, 2))
    for asked, answered in ((last[1], last[2]), (last[3], last[4])):
        ids = [b["id"] for b in asked["content"]]
        assert ids == [b["tool_use_id"] for b in answered["content"]]
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", b[part]) for b in asked["content"] for part in ("id", "name"))
    assert len({b["id"] for m in (last[1], last[3]) for b in m["content"]}) == 6
    assert first[1] == last[1]


def test_a_model_that_submits_twice_at_once_submits_once(run: Run) -> None:
    broken = call("submit", 3, summary="two")
    done = run(script(message(call("submit", 2, summary="one"), broken), message(FIX), message(DONE)))
    assert done.ended == "submitted"
    assert len(run.requests[1]["messages"][-1]["content"]) == 2


ABSURD = [None, -1, 10**30, "12", 1.5, True, [], {}]


@pytest.mark.parametrize("usage", [None, {}, [], "much", *({"input_tokens": x, "output_tokens": 5} for x in ABSURD)])
def test_an_answer_without_counts_is_an_answer_of_unknown_cost(run: Run, usage: object) -> None:
    answers = [message(FIX), {**message(DONE), "usage": usage}]
    done = run(script(*answers), prices={"m": Price(input=1, output=1)})
    assert done.ended == "submitted"
    assert done.usage.calls == 2
    assert done.usage.usd is None
    assert done.usage.tokens > 15 + 8192  # not zero, but the most that it can have been


@pytest.mark.parametrize("count", [-1, 10**30, "12", 1.5])
def test_absurd_cache_counts_are_unknown_too(run: Run, count: Any) -> None:
    done = run(
        script(message(FIX, cache_read_input_tokens=count), message(DONE)), prices={"m": Price(input=1, output=1)}
    )
    assert (done.ended, done.usage.usd, done.usage.cache_read_tokens) == ("submitted", None, None)


def raw(*content: str, stop_reason: str = "tool_use") -> Answer:
    """An answer whose blocks are given as JSON."""
    whole = json.dumps({**message(stop_reason=stop_reason), "content": "BLOCKS"})
    return 200, whole.replace('"BLOCKS"', f"[{', '.join(content)}]").encode(), {}


def edit(new: str) -> str:
    """A call that creates a file, its text given as JSON."""
    whole = json.dumps({**call("edit_file", path="new.txt", old="", new="NEW"), "id": "a"})
    return whole.replace('"NEW"', new)


NASTY = {
    "deep list": edit("[" * 5000 + "]" * 5000),
    "deep object": edit('{"a":' * 1000 + "1" + "}" * 1000),
    "lone surrogate": edit(r'"\ud800 and \udfff"'),
    "NUL": edit(r'"a\u0000b"'),
    "line separators": edit('"a\u2028b\u2029c\u0085d\x7f"'),
    "endless number": edit("1e999"),
    "no number": edit("NaN"),
    "long number": edit("9" * 5000),
    "wrong text": '{"type": "text", "text": 3}',
    "no text": '{"type": "text"}',
    "unknown block": '{"type": "server_tool_use", "anything": [1, 2, {"a": "\\ud83d"}]}',
}


@pytest.mark.parametrize("block", NASTY.values(), ids=NASTY.keys())
def test_no_content_breaks_a_conversation_a_transcript_or_the_store(run: Run, block: str, tmp_path: Path) -> None:
    say = json.dumps({**DONE, "input": {"summary": "one\u2028two\u0085three\0\ud800"}})
    done = run(script(raw(block), message(FIX), raw(say)))
    assert done.ended == "submitted"
    for request in run.requests:
        json.dumps(request, allow_nan=False, ensure_ascii=False).encode()
    store = Store(tmp_path / "runs.db")
    replay = Replay(
        id="r",
        ticket="t",
        version="v",
        purpose="measure",
        verdict="passed",
        reason="",
        ended=done.ended,
        summary=done.summary,
        usage=done.usage,
    )
    store.replays.add(replay, run.events)
    assert store.transcripts.of_replay("r") == run.events
    assert store.replays.find("r").summary == "one\u2028two\u0085three\ufffd\ufffd"


def test_the_transcript_of_what_tools_say_is_one_line_each(run: Run, tmp_path: Path) -> None:
    odd = call("run_command", command="printf 'a\\342\\200\\250b\\302\\205c\\377\\000d'")
    run(script(message(odd), message(FIX), message(DONE)))
    store = Store(tmp_path / "runs.db")
    replay = Replay(id="r", ticket="t", version="v", purpose="measure", verdict="passed", reason="", ended="submitted")
    store.replays.add(replay, run.events)
    events = store.transcripts.of_replay("r")
    assert events == run.events
    assert "a\u2028b\x85c\ufffd\0d" in next(e for e in events if e["kind"] == "tool")["result"]
    assert "a\u2028b\x85c\ufffd\ufffdd" in run.requests[1]["messages"][-1]["content"][0]["content"]


def test_file_names_that_are_not_unicode_are_listed(run: Run, surface: Callable[..., Path]) -> None:
    import os
    import subprocess

    os.close(os.open(os.fsencode(run.repo) + b"/caf\xe9.py", os.O_CREAT | os.O_WRONLY))
    subprocess.run(["git", "add", "-A"], cwd=run.repo, check=True)
    subprocess.run(["git", "commit", "-qm", "x"], cwd=run.repo, check=True)
    right = message(text("calc.py\n```\ndef mean(n):\n    return 1\n```"))
    done = run(script(right), surface=surface(('protocol = "tools"', 'protocol = "text"')))
    assert done.ended == "submitted"
    assert "caf\ufffd.py" in run.requests[0]["messages"][0]["content"][0]["text"]


def test_the_token_limit_holds_without_counts(run: Run) -> None:
    endless = {**message(call("search", pattern="x")), "usage": None}
    assert run(script(endless), limits=Limits(tokens=30_000)).ended == "token_limit"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800\0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "thinking", "tool_result"]) | JSON_VALUES},
    optional=dict.fromkeys(("text", "id", "name", "input", "cache_control"), JSON_VALUES),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(BLOCKS | JSON_VALUES, max_size=4) | JSON_VALUES, max_size=4))
def test_any_answers_make_a_history_that_can_be_sent(contents: list[Any]) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [text("Fix it.")]}]
    for content in contents:
        body = json.dumps({"content": content, "stop_reason": "end_turn"}).encode()
        try:
            blocks = read_content(read_json(body))
        except ValueError:
            continue
        calls = [block for block in blocks if block["type"] == "tool_use"]
        messages.append({"role": "assistant", "content": blocks})
        messages.append(
            {"role": "user", "content": [answer_call(b["id"], "", False) for b in calls] or [text("Go on.")]}
        )
    sent = replace_unsendable(prepare_messages(messages))
    json.dumps(sent, allow_nan=False, ensure_ascii=False).encode()
    assert [m["role"] for m in sent] == [("user", "assistant")[n % 2] for n in range(len(sent))]
    asked: list[str] = []
    for turn in sent:
        assert turn["content"]
        assert all(b["text"].strip() for b in turn["content"] if b["type"] == "text")
        answered = [b["tool_use_id"] for b in turn["content"] if b["type"] == "tool_result" and turn["role"] == "user"]
        assert answered == asked if turn["role"] == "user" else True
        asked = [b["id"] for b in turn["content"] if b["type"] == "tool_use"]
    ids = [b["id"] for m in sent for b in m["content"] if b["type"] == "tool_use"]
    assert len(set(ids)) == len(ids)
