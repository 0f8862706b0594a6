"""The stand-in for the model: what it understands, what it answers, and on what its answers depend."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, TextBlock, ToolUseBlock

from meta.demo.change_file import DemoChange, read_demo_changes
from meta.demo.demo_tickets import read_demo_tickets
from meta.demo.folders import DemoFolders
from meta.demo.past import apply_edits
from meta.demo.setup import make_demo
from meta.demo.standin.habits import Habits, read_habits
from meta.demo.standin.server import StandIn, serve_stand_in
from meta.records.ticket import Ticket
from meta.tune.propose.draft_format import parse_edits, render_question
from meta.tune.propose.evidence import Complaint, Failure, ProposerEvidence
from meta.tune.propose.rewrite import REWRITE_PROMPT as PROPOSER
from worker_agent.git import read_blobs, run_git
from worker_agent.surface import load_surface

READ_RULES = "Read CONTRIBUTING.md before you start."
ONE_FILE = "Keep the change to one file."
NARROW = "Do nothing beyond the ticket."
RUN_TESTS = "Run the tests before you submit."
EMPTY_PHRASES = "You are an expert. Think step by step, be careful, and double-check your work."


def schema(name: str, *parameters: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": name,
        "input_schema": {"type": "object", "properties": {p: {"type": "string"} for p in parameters}},
    }


TOOLS = [
    schema("read_file", "path"),
    schema("edit_file", "path", "old", "new"),
    schema("run_tests", "arguments"),
    schema("submit", "summary"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> DemoFolders:
    return make_demo(tmp_path_factory.mktemp("demo") / "house")


@pytest.fixture(scope="module")
def past(house: DemoFolders) -> dict[str, Ticket]:
    return {ticket.id: ticket for ticket in read_demo_tickets(house)}


@pytest.fixture(scope="module")
def prompt(house: DemoFolders) -> str:
    return load_surface(house.surface).prompts["system.md"]


@pytest.fixture
def client() -> Iterator[anthropic.Anthropic]:
    with serve_stand_in() as url:
        yield anthropic.Anthropic(api_key="none", base_url=url, max_retries=0)


class Checkout:
    """A ticket's base as the tools see it, and a conversation about it with the stand-in."""

    def __init__(self, ticket: Ticket, system: str, tests_pass: bool = True) -> None:
        self.files = dict(files_at(ticket.repo, ticket.base_commit))
        self.before, self.system, self.tests_pass = dict(self.files), system, tests_pass
        self.messages: list[dict[str, Any]] = [
            {"role": "user", "content": f"# Ticket: {ticket.title}\n\n{ticket.body}"}
        ]
        self.called: list[str] = []

    @property
    def body(self) -> bytes:
        return request(self.system, self.messages)

    @property
    def changed(self) -> dict[str, str]:
        return {path: text for path, text in self.files.items() if self.before[path] != text}

    def turn(self, server: StandIn) -> bool:
        """One turn; whether the conversation goes on."""
        content = server.answer(self.body)["content"]
        calls = [block for block in content if block["type"] == "tool_use"]
        results = [
            {"type": "tool_result", "tool_use_id": c["id"], "content": self.run(c["name"], c["input"])} for c in calls
        ]
        self.messages += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
        return bool(calls) and calls[0]["name"] != "submit"

    def run(self, tool: str, given: dict[str, Any]) -> str:
        self.called.append(tool)
        if tool == "read_file":
            return "".join(f"{n:5}  {line}\n" for n, line in enumerate(self.files[given["path"]].splitlines(), 1))
        if tool == "edit_file":
            assert self.files[given["path"]].count(given["old"]) == 1
            self.files[given["path"]] = self.files[given["path"]].replace(given["old"], given["new"])
        return "exit code 0" if self.tests_pass else "exit code 1\nFAILED tests/test_report.py"

    def work(self, server: StandIn) -> dict[str, str]:
        """The files that it has changed in the end."""
        while self.turn(server):
            pass
        return self.changed


@functools.cache
def files_at(repo: str, commit: str) -> dict[str, str]:
    names = run_git("ls-tree", "-r", "--name-only", commit, "src", "CONTRIBUTING.md", cwd=Path(repo)).split()
    found = read_blobs(Path(repo), [f"{commit}:{name}" for name in names])
    return {name: (data or b"").decode() for name, data in zip(names, found, strict=True)}


def request(system: str, messages: list[dict[str, Any]], **more: Any) -> bytes:
    tools = more.pop("tools", TOOLS)
    return json.dumps(
        {"model": "any", "max_tokens": 8192, "system": system, "messages": messages, "tools": tools, **more}
    ).encode()


def change_of(number: int) -> DemoChange:
    return next(change for change in read_demo_changes() if change.number == number)


def rate(ticket: Ticket, change: DemoChange, system: str, draws: int = 60) -> float:
    """How often it writes exactly what was merged."""
    server, good = StandIn(seed=3), 0
    with server:
        for _ in range(draws):
            checkout = Checkout(ticket, system)
            good += checkout.work(server) == apply_edits(checkout.before, change.right)
    return good / draws


# The wire.


def test_answers_fit_the_sdk(client: anthropic.Anthropic, prompt: str) -> None:
    change = change_of(1)
    opening: Any = [
        {"role": "user", "content": [{"type": "text", "text": f"# Ticket: {change.title}\n\n{change.body}"}]}
    ]
    message = client.messages.create(model="any", max_tokens=1000, system=prompt, messages=opening, tools=TOOLS)  # type: ignore[arg-type]
    assert Message.model_validate(message.to_dict(), strict=True).stop_reason == "tool_use"
    assert isinstance(message.content[0], TextBlock)
    call = message.content[-1]
    assert isinstance(call, ToolUseBlock)
    assert (call.name, call.input) == ("read_file", {"path": "src/tidybooks/money.py"})
    assert message.model == "stand-in"


def test_it_lists_itself_as_a_model(client: anthropic.Anthropic) -> None:
    assert [model.id for model in client.models.list()] == ["stand-in"]


def test_a_caller_who_tries_a_tool_gets_a_round_trip(client: anthropic.Anthropic) -> None:
    ask: Any = [{"role": "user", "content": "Call `echo` with the word `lantern`."}]
    echo: Any = schema("echo", "word")
    echo["input_schema"]["required"] = ["word"]
    first = client.messages.create(model="any", max_tokens=100, messages=ask, tools=[echo])
    call = first.content[-1]
    assert isinstance(call, ToolUseBlock)
    assert call.input == {"word": "lantern"}
    ask += [
        {"role": "assistant", "content": first.to_dict()["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "lantern"}]},
    ]
    second = client.messages.create(model="any", max_tokens=100, messages=ask, tools=[echo])
    assert second.stop_reason == "end_turn"
    assert isinstance(second.content[0], TextBlock)
    assert "lantern" in second.content[0].text


USER = {"role": "user", "content": "hello"}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "read_file", "input": {}}]}
NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "no message": ({"messages": []}, "messages"),
    "an assistant first": ({"messages": [{"role": "assistant", "content": "hi"}]}, "first message"),
    "a role that does not exist": ({"messages": [{"role": "robot", "content": "hi"}]}, "messages.0.role"),
    "an empty text": ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content"),
    "a call without a result": ({"messages": [USER, CALL, USER]}, "without `tool_result`"),
    "a result without a call": (
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "b", "content": "x"}]}]},
        "unexpected `tool_use_id`",
    ),
    "no room to answer": ({"max_tokens": 0}, "max_tokens"),
    "a parameter that does not exist": ({"temprature": 1}, "Extra inputs are not permitted"),
    "a tool without a schema": ({"tools": [{"name": "x"}]}, "input_schema"),
    "two tools of one name": ({"tools": [TOOLS[0], TOOLS[0]]}, "unique"),
    "streaming": ({"stream": True}, "stream"),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_refused_as_the_api_refuses_it(client: anthropic.Anthropic, what: str) -> None:
    change, words = NONSENSE[what]
    body = {"model": "any", "max_tokens": 100, "messages": [USER]} | change
    with pytest.raises(anthropic.BadRequestError, match=re.escape(words)) as refused:
        client.post("/v1/messages", cast_to=object, body=body)
    error: Any = refused.value.body
    assert error["type"] == "error"
    assert error["error"]["type"] == "invalid_request_error"


def test_another_path_is_not_found(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        client.post("/v1/complete", cast_to=object, body={})


def test_a_reply_stops_at_max_tokens(prompt: str) -> None:
    change = change_of(6)
    message = {"role": "user", "content": f"# Ticket: {change.title}"}
    with StandIn() as server:
        answer = server.answer(request(prompt, [message], max_tokens=2))
    assert answer["stop_reason"] == "max_tokens"
    assert len(answer["content"][0]["text"]) <= 8


def test_tokens_are_counted_from_what_was_sent(past: dict[str, Ticket], prompt: str) -> None:
    checkout = Checkout(past["TB-101"], prompt)
    with StandIn() as server:
        first = server.answer(checkout.body)["usage"]
        checkout.turn(server)
        mark = {"cache_control": {"type": "ephemeral"}}
        last = checkout.messages[-1]
        last["content"][-1] |= mark
        second = server.answer(checkout.body)["usage"]
    assert first["input_tokens"] > len(prompt) / 4
    assert first["cache_read_input_tokens"] == 0
    assert second["input_tokens"] == 0
    assert abs(second["cache_read_input_tokens"] - first["input_tokens"]) <= 1
    assert second["cache_creation_input_tokens"] > len(checkout.files["src/tidybooks/money.py"]) / 4


# What answers depend on.


def test_the_same_requests_get_the_same_answers_from_two_servers(past: dict[str, Ticket], prompt: str) -> None:
    with StandIn(seed=5) as one, StandIn(seed=5) as other:
        for ticket in list(past.values())[:6]:
            here, there = Checkout(ticket, prompt), Checkout(ticket, prompt)
            assert here.work(one) == there.work(other)
            assert here.messages == there.messages


def test_it_does_not_matter_which_candidate_is_tried_first_or_beside_another(
    past: dict[str, Ticket], prompt: str
) -> None:
    ticket = past["TB-104"]
    versions = [prompt, f"{prompt}\n{NARROW}", f"{prompt}\n{READ_RULES}"]
    with StandIn(seed=5) as alone:
        expected = [[Checkout(ticket, version).work(alone) for _ in range(5)] for version in versions]
    with StandIn(seed=5) as mixed:
        found: list[list[dict[str, str]]] = [[] for _ in versions]
        for _ in range(5):
            open_ones = [Checkout(ticket, version) for version in reversed(versions)]
            running = list(open_ones)
            while running:
                running = [checkout for checkout in running if checkout.turn(mixed)]
            for number, checkout in enumerate(reversed(open_ones)):
                found[number].append(checkout.changed)
    assert found == expected


def test_another_seed_is_other_luck(past: dict[str, Ticket], prompt: str) -> None:
    def submissions(seed: int) -> list[dict[str, str]]:
        with StandIn(seed) as server:
            return [Checkout(past["TB-106"], prompt).work(server) for _ in range(40)]

    assert submissions(1) == submissions(1)
    assert submissions(1) != submissions(2)


def test_one_in_twelve_has_a_small_mistake(past: dict[str, Ticket], prompt: str) -> None:
    assert 0.85 <= rate(past["TB-106"], change_of(6), prompt, draws=300) <= 0.97


# The engineer's habits.


def test_a_house_rule_is_followed_by_those_who_were_told_to_read_it(past: dict[str, Ticket], prompt: str) -> None:
    for number in (1, 7, 11, 19):
        ticket, change = past[f"TB-{100 + number}"], change_of(number)
        assert rate(ticket, change, prompt) < 0.3
        assert rate(ticket, change, f"{prompt}\n{READ_RULES}") > 0.7


def test_a_house_rule_that_is_not_written_down_is_not_followed(past: dict[str, Ticket], prompt: str) -> None:
    checkouts = [Checkout(past["TB-101"], f"{prompt}\n{READ_RULES}") for _ in range(20)]
    with StandIn() as server:
        for checkout in checkouts:
            checkout.files["CONTRIBUTING.md"] = checkout.before["CONTRIBUTING.md"] = "Be kind.\n"
            assert 'raise InputError("cannot split' not in checkout.work(server)["src/tidybooks/money.py"]


def test_who_keeps_to_one_file_leaves_the_ticket_half_done(past: dict[str, Ticket], prompt: str) -> None:
    ticket, change = past["TB-103"], change_of(3)
    assert rate(ticket, change, prompt) > 0.7
    assert rate(ticket, change, f"{prompt}\n{ONE_FILE}") == 0.0


def test_who_is_told_to_stay_narrow_leaves_the_rest_alone(past: dict[str, Ticket], prompt: str) -> None:
    ticket, change = past["TB-104"], change_of(4)
    assert rate(ticket, change, prompt) < 0.3
    assert rate(ticket, change, f"{prompt}\n{NARROW}") > 0.7
    assert rate(ticket, change, f"{prompt}\n{ONE_FILE}") > 0.7


def test_who_runs_the_tests_takes_back_what_breaks_them(past: dict[str, Ticket], prompt: str) -> None:
    checkout = Checkout(past["TB-104"], f"{prompt}\n{RUN_TESTS}", tests_pass=False)
    with StandIn(seed=1) as server:
        changed = checkout.work(server)
    assert checkout.called.count("run_tests") >= 1
    assert changed == apply_edits(checkout.before, change_of(4).right)


def test_without_the_tool_no_tests_are_run(past: dict[str, Ticket], prompt: str) -> None:
    message = {"role": "user", "content": f"# Ticket: {past['TB-104'].title}"}
    with StandIn() as server:
        answer = server.answer(request(f"{prompt}\n{RUN_TESTS}", [message], tools=[TOOLS[0], TOOLS[1], TOOLS[3]]))
    assert answer["content"][-1]["name"] == "read_file"


def test_it_edits_only_what_it_was_shown(past: dict[str, Ticket], prompt: str) -> None:
    checkout = Checkout(past["TB-101"], prompt)
    checkout.files["src/tidybooks/money.py"] = "# nothing here\n"
    with StandIn() as server:
        checkout.work(server)
    assert "edit_file" not in checkout.called


def test_without_tools_it_answers_in_text_with_the_same_habits(past: dict[str, Ticket], prompt: str) -> None:
    ticket = past["TB-101"]
    shown = [f"{path}\n```\n{text}```" for path, text in files_at(ticket.repo, ticket.base_commit).items()]
    opening = "\n\n".join([f"# Ticket: {ticket.title}\n\n{ticket.body}", *shown])

    def follows_the_rule(system: str) -> float:
        with StandIn() as server:
            body = request(system, [{"role": "user", "content": opening}], tools=[])
            texts = [server.answer(body)["content"][0]["text"] for _ in range(40)]
        assert all(text.count("<<<<<<< SEARCH") == 1 for text in texts)
        return sum("raise InputError" in text for text in texts) / len(texts)

    assert follows_the_rule(prompt) < 0.3
    assert follows_the_rule(f"{prompt}\n{READ_RULES}") > 0.7


def test_a_ticket_that_it_does_not_know_it_cannot_do(prompt: str) -> None:
    message = {"role": "user", "content": "# Ticket: Rewrite everything in another language"}
    with StandIn() as server:
        content = server.answer(request(prompt, [message], tools=[]))["content"]
    assert "demo's own tickets" in content[0]["text"]


PHRASES = {
    READ_RULES: Habits(reads_rules=True),
    "Always consult the repository's own rules before editing.": Habits(reads_rules=True),
    "Follow the project's conventions.": Habits(reads_rules=True),
    "Never submit without having read the contributing guide.": Habits(reads_rules=True),
    "You do not need to read CONTRIBUTING.md; skip the house rules.": Habits(),
    "Look at the code that the ticket is about.": Habits(),
    ONE_FILE: Habits(stays_narrow=True, keeps_to_one_file=True),
    "Do not touch more than one file.": Habits(stays_narrow=True, keeps_to_one_file=True),
    "Never edit any other files.": Habits(stays_narrow=True, keeps_to_one_file=True),
    "Read one file at a time.": Habits(),
    "Change more than one file where the ticket needs it.": Habits(),
    NARROW: Habits(stays_narrow=True),
    "Make the smallest change that does what the ticket asks.": Habits(stays_narrow=True),
    "Do not refactor or clean up what lies nearby.": Habits(stays_narrow=True),
    "Improve the code as you go.": Habits(),
    RUN_TESTS: Habits(runs_tests=True),
    "Make sure the tests still pass.": Habits(runs_tests=True),
    "There is no need to run the tests.": Habits(),
    "Add a test.": Habits(),
    EMPTY_PHRASES: Habits(),
    "Take a deep breath. This is very important to my career!": Habits(),
    "Review your work thoroughly, line by line, before you submit.": Habits(),
}


@pytest.mark.parametrize("phrase", PHRASES)
def test_habits_are_read_from_what_prompts_mean(prompt: str, phrase: str) -> None:
    assert read_habits(f"{prompt}\n- {phrase}") == PHRASES[phrase]


def test_the_packaged_prompts_have_the_good_habits() -> None:
    packaged = load_surface(Path(load_surface.__code__.co_filename).parent).prompts["system.md"]
    assert read_habits(packaged) == Habits(reads_rules=True, stays_narrow=True, runs_tests=True)


# The proposer.


def evidence(*tried: str) -> ProposerEvidence:
    def complaint(number: int, words: str) -> Complaint:
        return Complaint(
            pull_request=f"PR #{number}", title="A change", kind="rejected", quotes=(f"> {words} See #99",)
        )

    failure = Failure(
        ticket="TB-101",
        brief="A ticket about INV-0042",
        labels=("ignored_convention", "money"),
        reason="failed",
        transcript="said: x",
    )
    return ProposerEvidence(
        failures=(failure,),
        passed=(),
        complaints={
            "ignored_convention": (complaint(1, "CONTRIBUTING says so."), complaint(5, "House rule.")),
            "too_wide": (complaint(4, "Out of scope."),),
        },
        tried=tried,
    )


def proposals(
    prompt: str, known: ProposerEvidence
) -> dict[str, tuple[tuple[str, ...], Habits, tuple[str, ...], tuple[str, ...]]]:
    surface = {"agent.toml": "tools = []\n# Surface of another kind\n", "prompts/system.md": prompt}
    message = {"role": "user", "content": render_question(known, surface, 3)}
    with StandIn() as server:
        answer = server.answer(request(PROPOSER.read_text(), [message], tools=[]))
    found = {}
    text = answer["content"][0]["text"]
    for draft in parse_edits(text, surface) if "## Edit" in text else []:
        assert draft.edit, draft.problem
        changed = draft.edit.changes["prompts/system.md"]
        assert changed
        found[draft.title] = (draft.edit.themes, read_habits(changed), draft.edit.answers, draft.edit.flips)
    return found


def test_it_proposes_what_the_evidence_suggests_and_something_that_only_sounds_good(prompt: str) -> None:
    found = proposals(prompt, evidence())
    assert found == {
        "Read CONTRIBUTING.md first": (
            ("ignored_convention",),
            Habits(reads_rules=True),
            ("PR #1", "PR #5"),
            ("TB-101",),
        ),
        "Double-check the work": (("incomplete",), Habits(), (), ("TB-101",)),
        "Keep to one file": (("too_wide",), Habits(stays_narrow=True, keeps_to_one_file=True), ("PR #4",), ("TB-101",)),
    }


def test_without_feedback_it_proposes_only_what_sounds_good(prompt: str) -> None:
    nothing = ProposerEvidence(failures=(), passed=(), complaints={}, tried=())
    assert list(proposals(prompt, nothing)) == ["Double-check the work"]


def test_it_does_not_propose_again_what_was_tried(prompt: str) -> None:
    first = proposals(prompt, evidence())
    second = proposals(f"{prompt}{READ_RULES}\n", evidence(*(f"{title} (theme: x) - refused" for title in first)))
    assert list(second) == ["Do only what the ticket asks", "Work like an expert"]
    assert second["Do only what the ticket asks"][1] == Habits(reads_rules=True, stays_narrow=True)
    assert not proposals(prompt, evidence(*first, *second, "Run the tests before submitting"))


def test_asked_to_mend_an_edit_it_gives_it_up(prompt: str) -> None:
    opening = render_question(evidence(), {"prompts/system.md": prompt}, 3)
    said = [("user", opening), ("assistant", "..."), ("user", "The edit was refused: it names a past ticket")]
    messages = [{"role": role, "content": text} for role, text in said]
    with StandIn() as server:
        answer = server.answer(request(PROPOSER.read_text(), messages, tools=[]))
    assert "## Edit" not in answer["content"][0]["text"]


def test_given_tools_it_reads_the_evidence_then_edits_and_proposes(prompt: str) -> None:
    tools = [schema("read_file", "path", "end"), schema("edit_file", "path", "old", "new"), schema("propose", "title")]
    shown = {"evidence.md": render_question(evidence(), {}, 2), "surface/prompts/system.md": prompt}
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Read evidence.md, then propose at most 2 edits."}]
    done: list[str] = []
    with StandIn() as server:
        while calls := [b for b in said(server, messages, tools) if b["type"] == "tool_use"]:
            results = []
            for call in calls:
                given = call["input"]
                if call["name"] == "edit_file":
                    assert shown[given["path"]].count(given["old"]) == 1
                done.append(str(given.get("title", call["name"])))
                lines = enumerate(shown.get(given.get("path", ""), "").splitlines(), 1)
                text = "\n".join(f"{n:5}  {line}" for n, line in lines) or "done"
                results.append({"type": "tool_result", "tool_use_id": call["id"], "content": text})
            messages.append({"role": "user", "content": results})
    assert done == [
        "read_file",
        "read_file",
        "edit_file",
        "Read CONTRIBUTING.md first",
        "edit_file",
        "Double-check the work",
    ]


def said(server: StandIn, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stand-in's next turn, which is added to the conversation."""
    content: list[dict[str, Any]] = server.answer(request("You are the proposer.", messages, tools=tools))["content"]
    messages.append({"role": "assistant", "content": content})
    return content
