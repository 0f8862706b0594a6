"""meta.toml: what is read from it, what is said about mistakes in it, and the one that `meta init` writes."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from meta.errors import MetaError
from meta.settings import Settings
from meta.settings_file import SETTINGS_FILE, load_settings, render_settings
from worker_agent.records import Limits


def _read(text: str) -> Settings:
    return Settings.model_validate(tomllib.loads(text))


def _uncommented(text: str) -> str:
    return re.sub(r"^# (?=[a-z_]+ = |\[)", "", text, flags=re.MULTILINE)


def _problem(folder: Path, text: str) -> str:
    (folder / SETTINGS_FILE).write_text(text, "utf-8")
    with pytest.raises(MetaError) as raised:
        load_settings(folder)
    assert raised.value.code == 2
    assert "meta init --show" in raised.value.remedy
    return raised.value.message.replace(f"{folder.resolve() / SETTINGS_FILE}: ", "")


# Reading.


def test_a_folder_without_the_file_has_all_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings(root=tmp_path.resolve())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tune]\nreplays = 0\n", "tune.replays (line 2): input should be greater than or equal to 1"),
        ("[tune]\nreplais = 5\n", "tune.replais (line 2): unknown setting; did you mean replays?"),
        ("\n[tunes]\nreplays = 5\n", "tunes (line 2): unknown setting; did you mean tune?"),
        ("[tune]\nusd = 5.0\n", "tune.usd (line 2): unknown setting; did you mean replay.limits.usd or nightly.usd?"),
        ("webhook = ''\n", "webhook (line 1): unknown setting; did you mean nightly.webhook?"),
        (
            "[tune]\nfoo = 5.0\n",
            "tune.foo (line 2): unknown setting; known here: replays, alpha, tier, surface_chars",
        ),
        ("[replay.limits]\n# few\nturn = 3\n", "replay.limits.turn (line 3): unknown setting; did you mean turns?"),
        ("[[repositories]]\npath='a'\n[[repositories]]\nname='b'\n", "repositories.1.path (line 3): missing; add it"),
        ("[[repositories]]\npaht='a'\npath='a'\n", "repositories.0.paht (line 2): unknown setting; did you mean path?"),
        ("[repositories]\npath='a'\n", "repositories (line 1): must be a list of sections: [[repositories]]"),
        ("tune = 3\n", "tune (line 1): must be a section: [tune]"),
        ("prices = 3\n", "prices (line 1): must be a section: [prices]"),
        ("[agent]\nlabels = 'x'\n", "agent.labels (line 2): must be a [list]"),
        (
            "[prices.m]\ninput = 1\nouput = 2\noutput = 2\n",
            "prices.m.ouput (line 3): unknown setting; did you mean output?",
        ),
        ("[nightly]\nuntil = '25:00'\n", 'nightly.until (line 2): must be written like "06:00"'),
        (
            "[replay]\n\nsandbox = 'dokcer'\n",
            "replay.sandbox (line 3): input should be 'bubblewrap', 'podman', 'docker' or 'none'",
        ),
        (
            "[search]\nturns = [\n  20,\n  0,\n]\n",
            "search.turns.1 (line 2): input should be greater than or equal to 1",
        ),
        (
            "[nightly]\nmerge = true\n",
            'nightly.merge needs tune.tier = "strict": only that tier limits how many useless edits are merged',
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_to_do(tmp_path: Path, text: str, problem: str) -> None:
    assert _problem(tmp_path, text) == problem


def test_every_mistake_has_its_line(tmp_path: Path) -> None:
    text = "[worker]\nmodle = 'm'\nretries = -1\n\n[search]\ndoubling = 2\n"
    assert [line.split(":")[0] for line in _problem(tmp_path, text).splitlines()] == [
        "worker.retries (line 3)",
        "worker.modle (line 2)",
        "search.doubling (line 6)",
    ]


@pytest.mark.parametrize("text", ["[tune\n", "[tune]\nreplays = \n", "a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_named_with_the_line(tmp_path: Path, text: str) -> None:
    assert re.search(r"\(at (line \d+|end of)", _problem(tmp_path, text))


def test_a_secret_is_not_repeated(tmp_path: Path) -> None:
    assert "hunter2" not in _problem(tmp_path, "[nightly]\nwebhook = ['hunter2']\n")


def test_reading_does_not_wait_for_tomlkit(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text(render_settings())
    code = "import pathlib, sys; from meta.settings_file import load_settings; load_settings(pathlib.Path(sys.argv[1]))"
    code += "; assert 'tomlkit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


# Writing.


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    from meta.settings_file import settings_model_of

    return [model, *(m for f in model.model_fields.values() if (inner := settings_model_of(f)) for m in _models(inner))]


@pytest.mark.parametrize("model", _models(Settings))
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_the_file_shows_every_setting_and_sets_none() -> None:
    text = render_settings()
    assert _read(text) == Settings()
    assert [line for line in text.splitlines() if line and line[0] not in "#["] == []
    assert max(map(len, text.splitlines())) <= 120
    shown = tomllib.loads(_uncommented(text))
    whole = Settings.model_validate(shown)
    assert set(shown) == set(Settings.model_fields) - {"root"}
    assert set(shown["replay"]["limits"]) == set(Limits.model_fields)
    assert set(shown["prices"]["claude-sonnet-5"]) == {"input", "output", "cache_read", "cache_write"}
    for name in ("worker", "proposer", "agent", "github", "replay", "tune", "nightly", "search"):
        assert set(shown[name]) == set(type(getattr(whole, name)).model_fields), name


def test_a_commented_line_is_the_default_or_an_example_where_there_is_none() -> None:
    whole = _read(_uncommented(render_settings()))
    assert (whole.tune.alpha, whole.nightly.usd, whole.nightly.tokens) == (0.1, 50.0, 100_000_000)
    assert [r.name for r in whole.repositories] == ["team/product"]
    nightly = whole.nightly.model_copy(update={"usd": None, "tokens": None})
    tune = whole.tune.model_copy(update={"alpha": None})
    kept: dict[str, Any] = {"nightly": nightly, "tune": tune, "repositories": (), "prices": {}}
    assert whole.model_copy(update=kept) == Settings()


def test_a_line_is_written_as_people_read_it() -> None:
    lines = render_settings(
        Settings.model_validate({"worker": {"model": "m"}, "tune": {"tier": "strict"}})
    ).splitlines()
    assert any(re.fullmatch(r'model = "m" +# model id; if empty, ANTHROPIC_MODEL', line) for line in lines)
    assert any(re.match(r'tier = "strict" +# "standard" or "strict"; strict, for teams', line) for line in lines)
    assert any(re.match(r"# surface_chars = 40_000 +# largest size", line) for line in lines)
    assert any(re.match(r'# efforts = \[\] +# .*: "low", "medium", "high", "xhigh" or "max"$', line) for line in lines)
    assert any(re.match(r"# turns = \[\] +# .*, such as \[20, 40\]$", line) for line in lines)


def test_a_long_value_is_explained_above() -> None:
    lines = render_settings(Settings.model_validate({"search": {"models": ["a-long-model-id"] * 9}})).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("models = "))
    assert lines[at - 1] == '# other models to try, such as ["claude-sonnet-5"]'


def test_none_that_toml_cannot_say_is_refused() -> None:
    limits = Limits(tokens=None)
    with pytest.raises(ValueError, match=r"\[replay.limits\] tokens cannot be None"):
        render_settings(Settings.model_validate({"replay": {"limits": limits}}))


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MONEY = st.floats(0.001, 1e9)
COUNT = st.integers(1, 10**9)


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


MODEL = {"model": WORDS, "base_url": WORDS, "timeout_seconds": MONEY, "retries": COUNT}
ANY = _some(
    worker=_some(repository=WORDS, **MODEL),
    proposer=_some(style=st.sampled_from(["rewrite", "agent", "sentence"]), edits=st.integers(1, 12), **MODEL),
    agent=_some(authors=st.lists(WORDS, max_size=3), labels=st.lists(WORDS, max_size=3)),
    github=_some(draft=st.booleans(), installation_id=st.integers(-(10**6), 10**12)),
    repositories=st.lists(st.fixed_dictionaries({"path": WORDS}, optional={"name": WORDS}), max_size=3),
    replay=_some(parallel=COUNT, limits=_some(turns=COUNT, tokens=COUNT, usd=MONEY, seconds=MONEY)),
    tune=_some(alpha=st.floats(1e-9, 0.999), tier=st.sampled_from(["standard", "strict"])),
    nightly=_some(until=st.sampled_from(["", "6:00", "23:59"]), usd=MONEY, tokens=COUNT, webhook=WORDS),
    search=_some(efforts=st.lists(st.sampled_from(["low", "max"])), turns=st.lists(COUNT), models=st.lists(WORDS)),
    prices=st.dictionaries(WORDS, _some(cache_read=MONEY).map(lambda some: {"input": 0.0, "output": 1e-9, **some})),
)


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_what_is_written_reads_back_as_the_same_settings(chosen: dict[str, Any]) -> None:
    made = Settings.model_validate(chosen)
    assert _read(render_settings(made)) == made
