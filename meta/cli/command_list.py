"""Lists every command of `meta`, by what it is for.

A command is imported when it is run, so `meta --help` needs only this list. To add one, write its function, add a line
here, and begin its docstring with the same line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ListedCommand:
    """A command, its line of help, and its place: `module:name` inside `meta.cli`."""

    name: str
    help: str
    place: str


SECTIONS: dict[str, tuple[ListedCommand, ...]] = {
    "Start": (
        ListedCommand("demo", "Run the whole loop on a built-in example, offline.", "setup_commands:demo_command"),
        ListedCommand("init", "Set up meta.toml and, if you have none, an agent.", "setup_commands:init_command"),
        ListedCommand("doctor", "Check this machine and your settings.", "setup_commands:doctor_command"),
    ),
    "Feedback and tickets": (
        ListedCommand(
            "ingest-feedback",
            "Read how the agent's pull requests ended.",
            "feedback_commands:ingest_feedback_command",
        ),
        ListedCommand("feedback", "See how pull requests ended and why, or correct it.", "feedback_commands:group"),
        ListedCommand("tickets", "Collect, check and manage tickets for replays.", "ticket_commands:group"),
    ),
    "Improve": (
        ListedCommand("replay", "Measure a version of the agent on your tickets.", "replay_commands:group"),
        ListedCommand("outlook", "Estimate what tonight's budget can detect.", "tuning_commands:outlook_command"),
        ListedCommand("propose", "Tune the agent, then review each proposal.", "tuning_commands:propose_command"),
        ListedCommand("proposals", "List, accept, reject or roll back proposals.", "proposal_commands:group"),
        ListedCommand("selftest", "Measure the gate's false-accept rate.", "tuning_commands:selftest_command"),
    ),
    "Look": (
        ListedCommand("status", "Show where things stand.", "status_commands:status_command"),
        ListedCommand("nights", "Show what past nights did and cost.", "night_commands:group"),
    ),
    "Run": (
        ListedCommand("work", "Run the agent on one ticket.", "worker_commands:work_command"),
        ListedCommand("nightly", "Run one unattended night, or resume it.", "night_commands:nightly_command"),
        ListedCommand("schedule", "Run `meta nightly` on a timer.", "schedule_commands:group"),
    ),
}
