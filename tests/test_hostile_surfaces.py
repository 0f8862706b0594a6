"""Versions and tools that mean harm: each fails its own run, or is refused by name, and ends nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from meta.disk.cache import Cache
from meta.surfaces.versions import GitVersions
from meta.tune.propose.tool_trial import ToolTrial
from tests.messages_server import call, message, script
from tests.worker_run import DONE, FIX, Run
from worker_agent.records import Environment, Limits
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import SandboxUnavailable
from worker_agent.surface import BadSurface, load_surface
from worker_agent.tool_host.session import ToolSession

SCHEMA = '{"tools": [{"name": "search", "description": "d", "input_schema": %s}], "errors": {}}'
HEAD = "import os, time\n"
TOOL = '\n\ndef search(pattern: str) -> str:\n    """Find."""\n    return ""\n'


def forge(answer: str) -> str:
    """A tool that writes an answer to every descriptor while it is loaded."""
    return f"""{HEAD}
answer = {answer!r}.encode()
for descriptor in range(3, 12):
    try:
        os.write(descriptor, b"ok %d\\n%s" % (len(answer), answer))
    except OSError:
        pass
{TOOL}"""


LOADS = {
    "dies": f"{HEAD}os._exit(0){TOOL}",
    "is killed": f"{HEAD}os.kill(os.getpid(), 9){TOOL}",
    "floods": f"{HEAD}for d in range(3, 12):\n    try:\n        while True:\n            os.write(d, b'x' * 65536)\n"
    f"    except OSError:\n        pass{TOOL}",
    "writes nonsense": f"{HEAD}for d in range(3, 12):\n    try:\n        os.write(d, b'\\xff\\n')\n"
    f"    except OSError:\n        pass{TOOL}",
    "closes everything": f"{HEAD}os.closerange(0, 64){TOOL}",
    "raises what cannot be said": f"class E(Exception):\n    def __str__(self):\n        1 / 0\n\n\nraise E(){TOOL}",
    "exits": f"raise SystemExit(0){TOOL}",
    "recurses": "def f():\n    f()\n\n\nf()\n",
    "is no source": "\0",
    "is nested deeply": "x = " + "(" * 5000 + ")" * 5000,
    "forges a list": forge("[]"),
    "forges no JSON": forge("{"),
    "forges depth": forge("[" * 100_000),
    "forges no tools": forge('{"tools": 3, "errors": null}'),
    "forges another tool": forge(SCHEMA.replace("search", "other") % '{"type": "object"}'),
    "forges no object": forge(SCHEMA % "[]"),
    "forges wrong properties": forge(SCHEMA % '{"type": "object", "properties": {"a": 1}, "required": []}'),
    "forges two tools": forge(
        '{"tools": [{"name": "search"}, {"name": "search"}], "errors": {"search": {"a": "\\ud800"}}}'
    ),
    "has a parameter that no service takes": TOOL.replace("pattern", "süche"),
    "has a choice of nothing": "import typing\n" + TOOL.replace("pattern: str", "pattern: typing.Literal[()]"),
    "has an endless description": TOOL.replace("Find.", "Find." * 20_000),
}


@pytest.fixture
def only_search(surface: Callable[..., Path]) -> Callable[[str], Path]:
    """A surface whose one tool, besides `edit_file`, has this source."""
    listed = 'tools = ["read_file", "search", "edit_file", "run_command", "run_tests"]'
    return lambda source: surface((listed, 'tools = ["edit_file", "search"]'), search=source)


@pytest.mark.parametrize("case", LOADS)
def test_a_tool_that_does_harm_while_it_loads_makes_a_bad_surface(
    run: Run, only_search: Callable[[str], Path], case: str, tmp_path: Path
) -> None:
    bad = only_search(LOADS[case])
    done = run(script(message(FIX)), surface=bad)
    assert done.ended == "bad_surface"
    assert done.detail
    assert ToolTrial(open_sandbox, Cache(tmp_path / "cache")).find_fault(load_surface(bad), {"tools/search.py"})


def test_a_tool_that_sleeps_while_it_loads_is_told_apart_from_the_machine(
    only_search: Callable[[str], Path], tmp_path: Path
) -> None:
    from worker_agent.tool_host.session import ToolTimeout

    bad = load_surface(only_search(f"{HEAD}time.sleep(60){TOOL}"))
    with ToolSession(open_sandbox(), tmp_path, Environment(), bad) as session, pytest.raises(ToolTimeout):
        session.schemas(seconds=1.0)


CALLS = {
    "dies": "os._exit(0)",
    "is killed": "os.kill(os.getpid(), 9)",
    "sleeps": "time.sleep(60)",
    "floods": "return 'x' * (20 << 20)",
    "forges more than one answer": "for d in range(3, 12):\n        try:\n            os.write(d, b'ok 1\\nx' * 9)\n"
    "        except OSError:\n            pass",
    "closes everything": "os.closerange(0, 64)",
    "locks the workspace": "os.chmod('.', 0); os._exit(1)",
    "raises what cannot be said": "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()",
    "returns what cannot be said": "return type('E', (), {'__str__': lambda self: None})()",
    "recurses": "return search(pattern)",
    "answers and goes on": "for d in range(3, 12):\n        try:\n            os.write(d, b'ok 0\\n')\n"
    "        except OSError:\n            pass\n    time.sleep(60)",
}


@pytest.mark.parametrize("case", CALLS)
def test_a_tool_that_does_harm_while_it_is_called_gets_an_error(
    run: Run, only_search: Callable[[str], Path], case: str
) -> None:
    bad = only_search(f'{HEAD}\n\ndef search(pattern: str) -> str:\n    """Find."""\n    {CALLS[case]}\n')
    large = call("search", pattern="x" * 200_000)
    done = run(
        script(message(large), message(large), message(FIX), message(DONE)),
        surface=bad,
        limits=Limits(command_seconds=2),
    )
    assert done.ended in ("submitted", "no_change")  # never void
    results = [e for e in run.events if e["kind"] == "tool"]
    assert results[0]["error"] or case == "forges more than one answer" or case == "answers and goes on"
    assert results[1]["error"]


def test_a_sandbox_that_does_not_start_is_the_machines_fault(
    run: Run, surface: Callable[..., Path], tmp_path: Path
) -> None:
    class Broken:
        """A sandbox whose program is gone."""

        name, passes_descriptors = "broken", False

        def command_line(self, job: object) -> list[str]:
            return ["/bin/sh", "-c", "echo no namespaces here; exit 1"]

        def process_variables(self, variables: object) -> dict[str, str]:
            return {}

        def cleanup_command(self, command: object) -> list[str]:
            return []

        def mount_path(self, mount: object) -> str:
            return "/x"

    with (
        ToolSession(Broken(), tmp_path, Environment(), load_surface(surface())) as session,  # type: ignore[arg-type]
        pytest.raises(SandboxUnavailable, match="no namespaces here"),
    ):
        session.schemas()


CONFIGS = {
    "not TOML": "[[[",
    "deep": "x = " + "[" * 5000,
    "huge max_tokens": "max_tokens = 1" + "0" * 30,
    "number of many digits": "max_tokens = 1" + "0" * 6000,
    "negative max_tokens": "max_tokens = -1",
    "word": 'max_tokens = "many"',
    "endless limit": "[limits]\nseconds = inf",
    "no number": "[limits]\nusd = nan",
    "huge limit": "[limits]\nturns = 1" + "0" * 30,
    "negative limit": "[limits]\ntokens = -5",
    "limits of a wrong type": "limits = 3",
    "tools of a wrong type": 'tools = "read_file"',
    "a submit tool": 'tools = ["submit"]',
    "one tool twice": 'tools = ["search", "search"]',
    "a tool elsewhere": 'tools = ["../search"]',
    "a tool that no service takes": 'tools = ["süche"]',
    "a tool with NUL": 'tools = ["a\\u0000b"]',
    "many tools": "tools = [" + ", ".join(f'"t{n}"' for n in range(1000)) + "]",
    "an unknown setting": "nonsense = 1",
    "a name without end": 'model = "' + "x" * 10_000 + '"',
}


@pytest.mark.parametrize("case", CONFIGS)
def test_an_agent_toml_that_cannot_be_is_refused_by_name(surface: Callable[..., Path], case: str) -> None:
    root = surface()
    (root / "tools" / "submit.py").write_text('def submit(x: str) -> str:\n    """S."""\n    return x\n')
    (root / "tools" / "süche.py").write_text("")
    (root / "agent.toml").write_text(CONFIGS[case])
    with pytest.raises(BadSurface, match=r"agent\.toml"):
        load_surface(root)


@pytest.mark.parametrize("text", ["", " \n\t\r\n"])
@pytest.mark.parametrize("name", ["system.md", "ticket.md", "not_done.md"])
def test_an_empty_prompt_is_refused_by_name(surface: Callable[..., Path], name: str, text: str) -> None:
    root = surface()
    (root / "prompts" / name).write_text(text)
    with pytest.raises(BadSurface, match=f"prompts/{name}: it is empty"):
        load_surface(root)


@pytest.fixture
def versions(surface: Callable[..., Path], tmp_path: Path) -> GitVersions:
    root = surface()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return GitVersions(root, ".", tmp_path / "cache")


PATHS = [
    "prompts/a\0b.md",
    "prompts/../../evil.md",
    "../evil.md",
    "/evil.md",
    "prompts//a.md",
    "prompts/./a.md",
    "prompts/" + "x" * 300 + ".md",
    "prompts/" + "a/" * 2000 + "b.md",
    "prompts/\ud800.md",
    "prompts/\udcff.md",
    "prompts/a\nb.md",
    "prompts/a\u2028b.md",
    "prompts/System.md",
    "Prompts/system.md",
    "prompts/system.md/x.md",
    "prompts",
    "tools",
    "prompts/.git/config",
    "",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_cannot_be_laid_out_is_refused_by_name(versions: GitVersions, path: str) -> None:
    with pytest.raises(BadSurface):
        versions.lay_out(versions.head(), {path: "x"})
    assert not list(versions.cache.rglob("evil*"))


def test_text_that_is_not_unicode_is_refused_by_name(versions: GitVersions) -> None:
    with pytest.raises(BadSurface, match=r"prompts/system\.md"):
        versions.lay_out(versions.head(), {"prompts/system.md": "a\ud800"})


@pytest.mark.parametrize("name", ["prompts/System.md", "Prompts/x.md", "prompts/caf\udce9.md", "prompts/" + "x" * 250])
def test_a_commit_with_such_a_name_is_refused_by_name(versions: GitVersions, name: str) -> None:
    import os

    target = os.fsencode(versions.repository) + b"/" + os.fsencode(name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    for command in (["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=versions.repository, check=True)
    if name.startswith("Prompts"):  # outside of what is read
        assert versions.head()
    else:
        with pytest.raises(BadSurface):
            versions.head()
