"""Lists the stand-in's ideas: some are good, and some only sound good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meta.demo.standin.habits import Habits


@dataclass(frozen=True)
class Idea:
    """One edit of prompts/system.md."""

    title: str
    theme: str
    """The cause that the edit addresses; with `needs_feedback`, it is proposed only when feedback has that cause."""
    hypothesis: str
    text: str
    needs_feedback: bool = True
    replaces: str = ""
    """Words in the prompt's line that the text replaces; empty to add a line."""
    has: Callable[[Habits], bool] = lambda habits: False
    """Whether an engineer with these habits already does so."""


IDEAS = (
    Idea(
        title="Read CONTRIBUTING.md first",
        theme="ignored_convention",
        hypothesis="Reviewers keep pointing to CONTRIBUTING.md; an engineer who has read it follows it unasked.",
        text="Before you change anything, read CONTRIBUTING.md and follow the repository's own rules.",
        has=lambda habits: habits.reads_rules,
    ),
    Idea(
        title="Double-check the work",
        theme="incomplete",
        hypothesis="A careful second look before the submission finds what was left out.",
        text="Take a deep breath, think step by step, and double-check your work with great care before you submit.",
        needs_feedback=False,
    ),
    Idea(
        title="Keep to one file",
        theme="too_wide",
        hypothesis="Changes that stay in one file cannot touch what the ticket does not speak of.",
        text="Keep every change to one file, the one that the ticket is about; do not touch other files.",
        replaces="improve it as you go",
        has=lambda habits: habits.stays_narrow,
    ),
    Idea(
        title="Do only what the ticket asks",
        theme="too_wide",
        hypothesis="Reviewers send back what goes beyond the ticket; nothing tells the engineer to stop there.",
        text="Change only what the ticket asks for, wherever that is, and leave all other behaviour as it is.",
        replaces="improve it as you go",
        has=lambda habits: habits.stays_narrow,
    ),
    Idea(
        title="Run the tests before submitting",
        theme="wrong_behaviour",
        hypothesis="Some submissions break tests that were there before; whoever runs them sees it and mends it.",
        text="Run the tests before you submit, and mend what fails.",
        has=lambda habits: habits.runs_tests,
    ),
    Idea(
        title="Work like an expert",
        theme="incomplete",
        hypothesis="An engineer who thinks of themselves as an expert makes fewer mistakes.",
        text="You are a world-class expert who takes pride in flawless work.",
        needs_feedback=False,
    ),
)
"""In order of preference. At most one idea per theme is proposed at a time."""
