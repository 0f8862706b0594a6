"""Submissions and tools that cheat, each shown to work on a naive grader and not here: `python -m bench.cheats`."""
