"""Outcomes from GitHub's API. `githubkit` is slow to import, so the client loads it when it is first used."""
