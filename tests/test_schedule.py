"""`meta schedule`: idempotent, leaves what is not its own alone, and says what it wrote."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from meta.errors import MetaError
from meta.forges.github.workflow import render_workflow
from meta.nights.schedule import find_schedule
from meta.nights.schedule.plan import NightlyTimer
from meta.settings import GitHubSettings
from meta.templates import fill_template

CRONTAB = """\
#!/bin/sh
if [ "$1" = -l ]; then cat "$TABLE" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; }; else cat > "$TABLE"; fi
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NightlyTimer:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "100% our agent"
    folder.mkdir()
    return NightlyTimer(folder)


def test_systemd_gets_two_units_that_it_accepts_and_catches_up_missed_nights(plan: NightlyTimer) -> None:
    written = find_schedule("systemd").install(plan)
    assert written.changed
    service, timer = (Path(path) for path in written.texts)
    assert "Persistent=true" in timer.read_text()
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", "--user", service, timer], capture_output=True, text=True)
        assert plan.name not in done.stderr, done.stderr
    assert not find_schedule("systemd").install(plan).changed
    assert find_schedule("systemd").show(plan)
    assert find_schedule("systemd").remove(plan)
    assert not service.exists()
    assert find_schedule("systemd").remove(plan) is None


@pytest.mark.parametrize("name", ["a\n* * * * * touch x", "a\r\nExecStart=/bin/sh", "a\u2028b", "a\x1bb", "a\x85b"])
def test_no_folder_writes_lines_of_its_own_into_a_timers_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(MetaError, match="line end"):
        NightlyTimer(tmp_path / name)


@pytest.mark.parametrize("field", ["mention", "label"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a'b",
        'a"b',
        "a\nb",
        "a\rb",
        "a\x85run: x",
        "a\u2028b",
        "${{ github.token }}",
        "a}}b",
        "$(touch x)",
        "a\x00b",
    ],
)
def test_no_mention_or_label_writes_anything_of_its_own_into_the_workflow(field: str, text: str) -> None:
    with pytest.raises(MetaError, match="cannot be used in a workflow"):
        render_workflow(GitHubSettings.model_validate({field: text}))


@pytest.mark.parametrize(
    "text", ["@meta", "@LABEL@", "bot: go # now", "`touch x`", "日本語", "a && b | c; d", "- x: [y]", "%0A"]
)
def test_any_other_mention_and_label_stand_in_the_workflow_as_they_are(text: str) -> None:
    rendered = render_workflow(GitHubSettings(mention=text, label=text))
    job = yaml.safe_load(rendered)["jobs"]["work"]
    assert job["if"].count(f"'{text}'") == 2
    assert set(job) == set(yaml.safe_load(render_workflow(GitHubSettings()))["jobs"]["work"])


def test_nothing_that_a_stranger_wrote_is_put_into_a_shell() -> None:
    texts = [
        render_workflow(GitHubSettings()),
        fill_template("meta.nights.schedule", "meta-nightly.yml", hour=2, minute=0),
    ]
    for text in texts:
        for job in yaml.safe_load(text)["jobs"].values():
            assert all("${{" not in step.get("run", "") for step in job["steps"])
            put_in = re.findall(r"\$\{\{(.*?)\}\}", json.dumps(job))
            harmless = (
                r" (vars|secrets)\.\w+ | github\.(token|run_id|event\.issue\.number|event\.repository\.default_branch) "
            )
            assert put_in
            assert all(re.fullmatch(harmless, expression) for expression in put_in)


def test_another_time_of_day_replaces_the_first(plan: NightlyTimer) -> None:
    find_schedule("systemd").install(plan)
    changed = find_schedule("systemd").install(NightlyTimer(plan.folder, at="3:30"))
    assert changed.changed
    assert any("OnCalendar=*-*-* 03:30:00" in text for text in changed.texts.values())


def test_the_rest_of_a_crontab_stays_as_it_is(
    plan: NightlyTimer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, table = tmp_path / "bin" / "crontab", tmp_path / "table"
    program.parent.mkdir()
    program.write_text(CRONTAB)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("TABLE", str(table))
    table.write_text("0 1 * * * mine\n")
    assert find_schedule("cron").install(plan).changed
    assert not find_schedule("cron").install(plan).changed
    lines = table.read_text().splitlines()
    assert lines[0] == "0 1 * * * mine"
    assert lines[2].startswith("0 2 * * * ")
    assert "100\\% our agent" in lines[2]
    shown = find_schedule("cron").show(plan)
    assert shown is not None
    assert lines[2] in shown.texts["crontab"]
    find_schedule("cron").remove(plan)
    assert table.read_text() == "0 1 * * * mine\n"
    assert find_schedule("cron").remove(plan) is None


def test_without_crontab_it_says_what_to_add(
    plan: NightlyTimer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    written = find_schedule("cron").install(plan)
    assert "no crontab program" in written.notes[0]
    assert " nightly --until 06:00" in written.texts["crontab"]


def test_the_workflow_is_written_once_and_removed(plan: NightlyTimer) -> None:
    written = find_schedule("github").install(plan)
    [text] = written.texts.values()
    assert 'cron: "0 2 * * *"' in text
    assert "${{ secrets.ANTHROPIC_API_KEY }}" in text
    # The package's bare name could be anybody's on a public index.
    assert "pip install meta" not in text
    assert "META_PACKAGE: ${{ vars.META_PACKAGE }}" in text
    assert not find_schedule("github").install(plan).changed
    find_schedule("github").remove(plan)
    assert find_schedule("github").show(plan) is None
