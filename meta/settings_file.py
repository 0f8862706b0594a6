"""DOCSTRING meta.settings_file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from meta.errors import MetaError
from meta.settings import Settings

SETTINGS_FILE = "meta.toml"


def load_settings(root: Path) -> Settings:
    """The settings of the folder `root`; all defaults where it has no meta.toml.

    Raises `MetaError` (exit code 2) that names the file, the setting and what is wrong with it.
    """
    root = root.resolve()
    path = root / SETTINGS_FILE
    data: dict[str, Any] = {}
    if path.exists():
        try:
            data = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise MetaError(f"{path}: {error}", "mend the file; `meta init --show` prints a good one", code=2) from None
    try:
        return Settings.model_validate({**data, "root": root})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MetaError(f"{path}: {where}: {first['msg']}", "`meta init --show` lists the settings", code=2) from None


SETTINGS_TEMPLATE = """\
# Settings of meta. Everything is optional; what is commented out shows its default.

[worker]
# repository = "."                  # the git repository that holds the agent
# surface = "worker_agent"          # folder with agent.toml, prompts/ and tools/
model = ""                          # a model id; or set ANTHROPIC_MODEL
# base_url = ""                     # any server that speaks the Messages API; empty: Anthropic
# key_variable = "ANTHROPIC_API_KEY"

[proposer]                          # who writes edits; empty fields are taken from [worker]
# model = ""
# style = "rewrite"                 # "agent" for a strong model that calls tools, "sentence" for a very small one
# edits = 3

[agent]                             # how its pull requests are known, besides the Worker-Version trailer
authors = []                        # such as "my-agent[bot]"
co_authors = []
labels = []

# [github]                          # see docs/github.md
# base_url = "https://api.github.com"   # GitHub Enterprise Server: https://HOST/api/v3
# token_variable = "GITHUB_TOKEN"   # the environment variable that holds the token
# app_id = ""                       # a GitHub App instead of a token, with
# installation_id = 0
# app_key_variable = "GITHUB_APP_PRIVATE_KEY"
# agent_repository = ""             # owner/name of the agent's own repository, for `meta proposals publish`
# mention = "@meta"                 # what starts the worker on an issue: these words in a comment,
# label = "meta"                    # or this label, by somebody with write access
# draft = false                     # open the worker's pull requests as drafts

# [[repositories]]                  # what it works on; a clone with refs/pull/*/head
# path = "../product"
# name = "team/product"
# main = "main"
# github = false                    # also ask GitHub: reviews, words, how it ended
# export = ""                       # JSONL export of reviews, see docs/feedback.md

[replay]
# parallel = 2                      # default: number of processors
# executor = "local"                # "ray": on a cluster, `pip install meta-worker[ray]`; see docs/nights.md
# sandbox = "bubblewrap"            # or "podman", "docker"; "none": no isolation, all runs as you
# environments_mb = 20000           # disk for built environments; those not used for longest are removed first

[replay.limits]                     # of one run of the worker
# turns = 40
# tokens = 1000000
# usd = 5.0
# seconds = 1800
# command_seconds = 300

[tune]
# replays = 200                     # budget of one night
# surface_chars = 40000             # size budget of prompts, agent.toml and tools together
# alpha = 0.1                       # chance of keeping an edit that is no better; default by budget
# tier = "standard"                 # "strict" for teams that merge unattended: of all that is kept, at most a
                                    # tenth (or alpha) is false; needs more replays, see docs/gate.md

[nightly]                           # `meta nightly`; see docs/nights.md
# until = "06:00"                   # local time; a night ends at this, or when one of the next two is used up
# usd = 50.0                        # needs [prices]; a model without price is held to 20 million tokens instead
# tokens = 100000000
# patience_minutes = 60             # how long to wait for a service that does not answer
# mine = 0                          # tickets to mine in a night from what was merged since the last
# publish = false                   # open a pull request for each proposal
# merge = false                     # merge what the gate keeps; only with tune.tier = "strict"
# webhook = ""                      # better in the variable META_WEBHOOK: the address is a secret
# keep_days = 180                   # transcripts; verdicts are kept for ever
# keep_mb = 2000

[search]                            # what is tried besides the proposer's edits; see docs/search.md
# suggestions = 2                   # most suggestions of the study at a time; 0: none
# doubling = 0.05                   # success that a change must bring for doubling the cost of a replay
# models = []                       # other models to try, such as ["claude-sonnet-5"]
# efforts = []                      # such as ["low", "high"]
# turns = []                        # other limits of agent.toml, such as [20, 40]
# tokens = []
# tools = []                        # tools that may be switched off or on, such as ["run_tests"]

# [prices."claude-sonnet-5"]        # US dollars for a million tokens; without it cost is "unknown"
# input = 3.0
# output = 15.0
# cache_read = 0.3
# cache_write = 3.75
"""
