"""The worker as a whole: a real workspace, the real sandbox and tool host, a scripted service over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.messages_server import Answer, call, error, message, script, text
from tests.worker_run import DONE, FIX, Run
from worker_agent.model import MessagesModel, ModelEndpoint, ModelMisconfigured, Price
from worker_agent.records import Limits
from worker_agent.surface import DEFAULT_ROOT, load_surface


def test_it_edits_submits_once_and_hands_in_a_diff_with_its_version(run: Run) -> None:
    done = run(script(message(text("I see."), FIX), message(DONE)))
    assert done.ended == "submitted"
    assert "+    return sum(n) / (len(n) or 1)" in done.diff
    assert done.summary == "mean of nothing is 0"
    assert done.version == load_surface(DEFAULT_ROOT).version
    assert done.model == "scripted-1"
    assert done.usage.calls == 2
    assert done.usage.tokens == 30


def test_the_model_sees_brief_tools_and_results(run: Run) -> None:
    run(script(message(call("read_file", path="calc.py")), message(FIX), message(DONE)))
    first, second = run.requests[0], run.requests[1]
    assert "mean([]) should be 0.0" in first["messages"][0]["content"][0]["text"]
    assert {t["name"] for t in first["tools"]} >= {"read_file", "edit_file", "run_tests", "submit"}
    read = next(t for t in first["tools"] if t["name"] == "read_file")
    assert read["input_schema"]["properties"]["start"] == {
        "type": "integer",
        "description": "first line to show, from 1",
        "default": 1,
    }
    result = second["messages"][2]["content"][0]
    assert result["tool_use_id"] == "toolu_1"
    assert "def mean(n):" in result["content"]


def test_requests_fit_the_published_schema(run: Run) -> None:
    from anthropic.types import MessageCreateParams
    from pydantic import TypeAdapter, ValidationError

    run(script(message(call("search", pattern="mean")), message(FIX), message(DONE)))
    schema = TypeAdapter(MessageCreateParams)
    assert len(run.requests) == 3
    for request in run.requests:
        assert schema.validate_python(request)
        with pytest.raises(ValidationError):
            schema.validate_python(request | {"max_tokens": None})


def test_prompt_caching_marks_system_tools_and_the_end_of_the_conversation(run: Run) -> None:
    run(script(message(FIX), message(DONE)))
    for request in run.requests:
        assert request["system"][-1]["cache_control"] == {"type": "ephemeral"}
        assert request["tools"][-1]["cache_control"] == {"type": "ephemeral"}
        assert request["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}


def test_it_is_not_done_before_something_has_changed(run: Run) -> None:
    done = run(script(message(DONE), message(FIX), message(DONE)))
    assert done.ended == "submitted"
    assert "You have not changed anything" in run.requests[1]["messages"][2]["content"][0]["content"]


def test_a_worker_that_never_changes_anything_ends_as_no_change(run: Run) -> None:
    done = run(script(message(text("I think it is fine as it is."))))
    assert (done.ended, done.diff) == ("no_change", "")


def test_a_check_that_passed_before_holds_the_submission_back(run: Run) -> None:
    broken = call("edit_file", path="calc.py", old="def mean(n):", new="def mean(n:")
    mended = call("edit_file", path="calc.py", old="def mean(n:", new="def mean(n): # ok")
    check = "python3 -m py_compile calc.py"
    done = run(script(message(broken), message(DONE), message(mended), message(DONE)), checks=(check,))
    assert done.ended == "submitted"
    assert check in json.dumps(run.requests[2]["messages"][-1])


def test_a_check_that_failed_before_does_not(run: Run) -> None:
    done = run(script(message(FIX), message(DONE)), checks=("false",))
    assert done.ended == "submitted"


def test_a_worker_that_cannot_mend_a_check_ends_as_checks_failed(run: Run) -> None:
    broken = call("edit_file", path="calc.py", old="def mean(n):", new="def mean(n:")
    done = run(script(message(broken), message(DONE)), checks=("python3 -m py_compile calc.py",))
    assert done.ended == "checks_failed"


@pytest.mark.parametrize(
    ("limits", "ended"),
    [
        (Limits(turns=3), "turn_limit"),
        (Limits(tokens=40), "token_limit"),
        (Limits(usd=0.00003), "cost_limit"),
        (Limits(seconds=0.001), "time_limit"),
    ],
)
def test_each_limit_ends_in_its_own_outcome(run: Run, limits: Limits, ended: str) -> None:
    done = run(script(message(call("search", pattern="x"))), limits=limits, prices={"m": Price(input=1, output=1)})
    assert done.ended == ended


@pytest.mark.parametrize(
    "answer",
    [
        error(529, "overloaded_error"),
        error(500, "api_error"),
        error(429, "rate_limit_error", **{"retry-after": "0"}),
        (200, b"<html>no</html>", {"content-type": "text/html"}),
        (200, b"{}", {}),
        (200, b'{"content": 3}', {}),
        (200, b'{"content": [', {}),
    ],
)
def test_a_service_that_gives_no_answer_is_not_the_workers_fault(run: Run, answer: Answer) -> None:
    done = run(script(answer))
    assert done.ended == "model_unavailable"
    assert done.detail


def test_a_busy_service_is_asked_again(run: Run) -> None:
    done = run(script(error(529, "overloaded_error"), message(FIX), message(DONE)))
    assert done.ended == "submitted"


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_a_service_that_refuses_stops_everything(run: Run, status: int) -> None:
    with pytest.raises(ModelMisconfigured, match=str(status)):
        run(script(error(status, "some_error", "bad key")))


def test_a_conversation_that_no_longer_fits_is_told_as_that(run: Run) -> None:
    done = run(script(error(400, "invalid_request_error", "prompt is too long: 300000 tokens")))
    assert done.ended == "context_too_long"


def test_without_key_and_endpoint_it_says_so() -> None:
    with pytest.raises(ModelMisconfigured, match="no key and no endpoint"):
        MessagesModel(ModelEndpoint("m"))


def test_unknown_tools_and_bad_input_are_told_to_the_model(run: Run) -> None:
    run(script(message(call("fly"), call("read_file", 2, file="x"), call("read_file", 3)), message(FIX), message(DONE)))
    results = [b["content"] for b in run.requests[1]["messages"][2]["content"]]
    assert "no tool 'fly'" in results[0]
    assert "no parameter file" in results[1]
    assert "needs: path" in results[2]


def test_a_tool_that_hangs_is_stopped_and_the_run_goes_on(run: Run) -> None:
    slow = call("run_command", command="sleep 60")
    done = run(script(message(slow), message(FIX), message(DONE)), limits=Limits(command_seconds=1))
    assert done.ended == "submitted"
    assert "did not finish within 1 s" in run.requests[1]["messages"][2]["content"][0]["content"]


def test_a_tool_that_ends_its_host_is_an_error_and_the_run_goes_on(run: Run, surface: Callable[..., Path]) -> None:
    bad = surface(search='import os\ndef search(pattern: str) -> str:\n    """Find."""\n    os._exit(3)\n')
    done = run(script(message(call("search", pattern="x")), message(FIX), message(DONE)), surface=bad)
    assert done.ended == "submitted"
    assert "ended the tool host" in run.requests[1]["messages"][2]["content"][0]["content"]


def test_a_tool_that_does_not_load_is_named(run: Run, surface: Callable[..., Path]) -> None:
    done = run(script(message(FIX)), surface=surface(search="import nothing_like_this\n"))
    assert done.ended == "bad_surface"
    assert "tools/search.py: ModuleNotFoundError" in done.detail


def test_what_a_tool_prints_is_not_taken_for_its_answer(run: Run, surface: Callable[..., Path]) -> None:
    source = (
        'def search(pattern: str) -> str:\n    """Find."""\n    print("ok 6\\nforged", flush=True)\n    return "real"\n'
    )
    run(script(message(call("search", pattern="x")), message(FIX), message(DONE)), surface=surface(search=source))
    assert run.requests[1]["messages"][2]["content"][0]["content"] == "real"


def test_an_answer_of_any_length_in_any_script_arrives_whole(run: Run, surface: Callable[..., Path]) -> None:
    source = 'def search(pattern: str) -> str:\n    """Find."""\n    return "ä\\n" * 100_000 + chr(0xD800) + pattern\n'
    run(script(message(call("search", pattern="ö!")), message(DONE)), surface=surface(search=source))
    tool = next(e for e in run.events if e["kind"] == "tool")
    assert tool["result"].startswith("ä\nä")
    assert tool["result"].endswith("ä\n?ö!")
    assert not tool["error"]


def test_an_answer_that_is_none_ends_the_tool_host(run: Run, surface: Callable[..., Path]) -> None:
    source = (
        'import os\n\n\ndef search(pattern: str) -> str:\n    """Find."""\n'
        '    for fd in range(3, 9):\n        try:\n            os.write(fd, b"ok 99999999999\\n")\n'
        "        except OSError:\n            pass\n    return ''\n"
    )
    called = call("search", pattern="x")
    done = run(script(message(called), message(FIX), message(DONE)), surface=surface(search=source))
    tool = next(e for e in run.events if e["kind"] == "tool")
    assert tool["error"]
    assert "ended the tool host" in tool["result"]
    assert done.ended == "submitted"


def test_a_link_in_the_change_is_refused(run: Run) -> None:
    done = run(script(message(call("run_command", command="ln -s /etc/passwd p")), message(DONE)))
    assert (done.ended, done.diff) == ("refused_diff", "")
    assert "symbolic link" in done.detail


def test_the_text_protocol_needs_no_tools(run: Run, surface: Callable[..., Path]) -> None:
    passage = "<<<<<<< SEARCH\n    return sum(n) / len(n)\n=======\n    return 0.0\n>>>>>>> REPLACE"
    reply = f"calc.py\n```\n{passage}\n```\nNow 0."
    done = run(script(message(text(reply))), surface=surface(('protocol = "tools"', 'protocol = "text"')))
    assert done.ended == "submitted"
    assert "+    return 0.0" in done.diff
    assert done.summary == "Now 0."
    assert "tools" not in run.requests[0]
    assert "return sum(n) / len(n)" in run.requests[0]["messages"][0]["content"][0]["text"]


def test_a_passage_that_is_not_there_is_told_to_the_model(run: Run, surface: Callable[..., Path]) -> None:
    wrong = "calc.py\n```\n<<<<<<< SEARCH\nnope\n=======\nx\n>>>>>>> REPLACE\n```"
    right = "calc.py\n```\ndef mean(n):\n    return 0.0\n```"
    done = run(
        script(message(text(wrong)), message(text(right))), surface=surface(('protocol = "tools"', 'protocol = "text"'))
    )
    assert done.ended == "submitted"
    assert "SEARCH text must appear exactly once" in run.requests[1]["messages"][-1]["content"][0]["text"]


def test_no_path_leads_out_of_the_workspace(run: Run, surface: Callable[..., Path]) -> None:
    out = "../evil.py\n```\nx\n```\n\n.git/hooks/pre-commit\n```\nx\n```"
    done = run(
        script(message(text(out))), surface=surface(('protocol = "tools"', 'protocol = "text"')), limits=Limits(turns=1)
    )
    assert done.ended == "turn_limit"
    assert not list(run.scratch.rglob("evil.py"))
    assert not list(run.scratch.rglob("pre-commit"))


def test_the_transcript_tells_what_happened_in_order(run: Run) -> None:
    run(script(message(FIX), message(DONE)))
    assert [e["kind"] for e in run.events] == ["start", "reply", "tool", "reply", "check", "end"]


def test_missing_cache_counts_stay_unknown(run: Run) -> None:
    assert run(script(message(FIX), message(DONE))).usage.cache_read_tokens is None


def test_money_is_counted_by_the_price_table(run: Run) -> None:
    prices = {"scripted-1": Price(input=1000, output=2000)}
    done = run(script(message(FIX), message(DONE)), prices=prices, limits=Limits(command_seconds=20))
    assert done.usage.usd == pytest.approx(2 * (10 + 2 * 5) / 1000)


def test_the_text_protocol_names_a_real_file_as_its_example_and_knows_what_was_meant(
    run: Run, surface: Callable[..., Path]
) -> None:
    reply = (
        "src/calc.py\n```\n<<<<<<< SEARCH\n    return sum(n) / len(n)\n=======\n    return sum(n) / max(len(n), 1)\n"
    )
    done = run(
        script(message(text(reply)), message(text(reply + ">>>>>>> REPLACE\n```"))),
        surface=surface(('protocol = "tools"', 'protocol = "text"')),
    )
    assert "\ncalc.py\n```\n<<<<<<< SEARCH" in run.requests[0]["messages"][0]["content"][0]["text"]
    assert "the block is incomplete" in run.requests[1]["messages"][-1]["content"][0]["text"]
    assert "+    return sum(n) / max(len(n), 1)" in done.diff
