"""The one error of this package that a person is meant to read."""

from __future__ import annotations


class FeedbackError(Exception):
    """Says what happened, where, and what to do next; its text is fit for a terminal."""
