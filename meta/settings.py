"""The settings in meta.toml, each with a default that works.

`meta.settings_file` reads and writes the file. A field's description is its comment in the file that `meta init`
writes. Its first example stands in for a missing default, or follows the description.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from feedback.github.access import GitHubAccess
from meta.records.record import Record
from worker_agent.model import ModelEndpoint, Price
from worker_agent.records import Limits


class ModelSettings(Record):
    """A model and its server.

    The key stays in the environment; only the name of its variable is set here.
    """

    model: str = Field("", description="model id; if empty, ANTHROPIC_MODEL")
    base_url: str = Field(
        "", description="server that speaks the Messages API; if empty, ANTHROPIC_BASE_URL or Anthropic"
    )
    key_variable: str = Field("ANTHROPIC_API_KEY", description="environment variable that holds the API key")
    timeout_seconds: float = Field(600.0, gt=0, description="longest wait for a reply")
    retries: int = Field(4, ge=0, description="retries after a failed call")


class WorkerSettings(ModelSettings):
    """Where the agent lives, and the model it uses unless its agent.toml names one."""

    repository: str = Field(".", description="git repository that holds the agent")
    surface: str = Field("worker_agent", description="folder with agent.toml, prompts/ and tools/")


class ProposerSettings(ModelSettings):
    """The model that writes edits, and how it writes them."""

    model: str = Field("", description="if empty, the worker's")
    base_url: str = Field("", description="if empty, the worker's server and key")
    key_variable: str = Field("ANTHROPIC_API_KEY", description="environment variable that holds this server's key")
    style: Literal["rewrite", "agent", "sentence"] = Field(
        "rewrite", description="agent: for a strong model that calls tools; sentence: for a very small one"
    )
    edits: int = Field(3, ge=1, le=12, description="edits to ask for in a night, at most")


class AgentSettings(Record):
    """How to recognise the agent's pull requests.

    One match is enough; `*` stands for any characters.
    """

    authors: tuple[str, ...] = Field(
        (), description="names or email addresses of authors", examples=[("my-agent[bot]",)]
    )
    co_authors: tuple[str, ...] = Field(
        (), description="names or email addresses in Co-authored-by or Assisted-by trailers"
    )
    labels: tuple[str, ...] = Field((), description="labels of pull requests")


class GitHubSettings(Record):
    """Which GitHub to use, and as whom.

    Secrets stay in the environment; see docs/github.md.
    """

    base_url: str = Field(
        "https://api.github.com",
        pattern=r"^https?://[^\s@]+$",
        description="on GitHub Enterprise Server: https://HOST/api/v3",
    )
    token_variable: str = Field("GITHUB_TOKEN", description="environment variable that holds the token")
    app_id: str = Field("", description="id of a GitHub App, to use one instead of a token")
    installation_id: int = Field(0, description="the App's installation")
    app_key_variable: str = Field(
        "GITHUB_APP_PRIVATE_KEY", description="environment variable that holds the App's private key, or its file name"
    )
    agent_repository: str = Field(
        "", description="owner/name of the agent's own repository, for `meta proposals publish`"
    )
    mention: str = Field("@meta", description="words in a comment on an issue that start the worker; needs push access")
    label: str = Field("meta", description="label on an issue that starts it; needs push access")
    draft: bool = Field(False, description="open the worker's pull requests as drafts")

    @property
    def access(self) -> GitHubAccess:
        names = ("base_url", "token_variable", "app_id", "installation_id", "app_key_variable")
        return GitHubAccess(**{name: getattr(self, name) for name in names})


class RepositorySettings(Record):
    """A repository that the agent works on."""

    path: str = Field(description="a clone with refs/pull/*/head")
    name: str = Field("", description="owner/name; if empty, read from the clone's remote")
    main: str = Field("main", description="branch that pull requests are merged into")
    github: bool = Field(False, description="also read reviews and outcomes from GitHub; needs the name")
    export: str = Field("", description="JSONL export of pull requests and reviews; see docs/feedback.md")


class ReplaySettings(Record):
    """How replays run."""

    parallel: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1),
        ge=1,
        description="replays to run at once; by default, one per processor",
    )
    sandbox: Literal["bubblewrap", "podman", "docker", "none"] = Field(
        "bubblewrap", description="none: no isolation, everything runs as you"
    )
    executor: Literal["local", "ray"] = Field(
        "local", description="ray: on a cluster, `pip install meta-worker[ray]`; see docs/nights.md"
    )
    ray_address: str = Field("auto", description="the cluster's address; auto: the one that runs on this machine")
    limits: Limits = Field(Limits(), description="Limits of one run of the worker; agent.toml can only lower them.")
    environments_mb: int = Field(
        20_000, ge=0, description="disk for built environments, in MB; the least recently used are removed first"
    )
    keep_weak: bool = Field(
        False, description="admit tickets that code which solves nothing can pass, marked as weak, not quarantined"
    )


class TuneSettings(Record):
    """What a night's tuning may spend, and how certain it must be."""

    replays: int = Field(200, ge=1, description="replays a night may run")
    alpha: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="chance of keeping a useless edit; the default depends on replays, see docs/gate.md",
        examples=[0.1],
    )
    tier: Literal["standard", "strict"] = Field(
        "standard",
        description="strict, for teams that merge unattended: at most a tenth (or alpha) of all kept edits are useless;"
        " needs more replays, see docs/gate.md",
    )
    surface_chars: int = Field(40_000, ge=1000, description="largest size of prompts, agent.toml and tools together")


class NightlySettings(Record):
    """What an unattended night may do and spend."""

    until: str = Field(
        "",
        pattern=r"^(([01]?\d|2[0-3]):[0-5]\d)?$",
        description="local time when the night must end",
        examples=["06:00"],
    )
    usd: float | None = Field(
        None,
        gt=0,
        description="US dollars for a night, no limit by default; models without a price get 20 million tokens",
        examples=[50.0],
    )
    tokens: int | None = Field(
        None, ge=1, description="tokens for a night, no limit by default", examples=[100_000_000]
    )
    patience_minutes: float = Field(
        60.0, ge=0, description="longest wait in a night for a model service that does not answer"
    )
    mine: int = Field(0, ge=0, description="tickets a night may mine from each repository's new merges")
    publish: bool = Field(False, description="open a pull request for each proposal")
    merge: bool = Field(False, description='merge what the gate keeps; needs tune.tier = "strict"')
    webhook: SecretStr = Field(
        SecretStr(""), description="URL that gets the night's report; a secret, so META_WEBHOOK is a better place"
    )
    keep_days: int = Field(180, ge=1, description="days to keep transcripts; verdicts are kept forever")
    keep_mb: int = Field(2000, ge=1, description="disk for transcripts, in MB; the oldest are removed first")


class SearchSettings(Record):
    """What to try besides the proposer's edits.

    Combinations of earlier edits, and other settings of the agent.
    """

    suggestions: int = Field(2, ge=0, le=12, description="open suggestions at a time, at most; 0: none")
    models: tuple[str, ...] = Field((), description="other models to try", examples=[("claude-sonnet-5",)])
    efforts: tuple[Literal["low", "medium", "high", "xhigh", "max"], ...] = Field(
        (), description="other efforts to try"
    )
    turns: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="other limits.turns of agent.toml to try", examples=[(20, 40)]
    )
    tokens: tuple[Annotated[int, Field(ge=1)], ...] = Field((), description="other limits.tokens of agent.toml to try")
    tools: tuple[str, ...] = Field((), description="tools to try switching off, or on", examples=[("run_tests",)])
    doubling: float = Field(
        0.05, ge=0, le=1, description="gain in success that justifies doubling the cost of a replay"
    )


class Settings(Record):
    """All of meta.toml; a field's description is the line above its section."""

    root: Path = Field(Path("."), description="The folder that holds meta.toml; never set in the file.")
    worker: WorkerSettings = Field(
        WorkerSettings(), description="The agent, and the model it uses unless its agent.toml names one."
    )
    proposer: ProposerSettings = Field(ProposerSettings(), description="The model that writes edits.")
    agent: AgentSettings = Field(
        AgentSettings(),
        description="Marks of the agent's pull requests, besides the Worker-Version trailer; * matches any text.",
    )
    github: GitHubSettings = Field(
        GitHubSettings(), description="Which GitHub to use, and as whom; see docs/github.md."
    )
    repositories: tuple[RepositorySettings, ...] = Field(
        (),
        description="A repository that the agent works on; repeat this section for each one.",
        examples=[(RepositorySettings(path="../product", name="team/product"),)],
    )
    replay: ReplaySettings = Field(ReplaySettings(), description="How replays run.")
    tune: TuneSettings = Field(TuneSettings(), description="What a night's tuning may spend, and how sure it must be.")
    nightly: NightlySettings = Field(
        NightlySettings(), description="What `meta nightly` may do and spend; see docs/nights.md."
    )
    search: SearchSettings = Field(
        SearchSettings(), description="What to try besides the proposer's edits; see docs/search.md."
    )
    prices: dict[str, Price] = Field(
        default_factory=dict,
        description="US dollars per million tokens of a model; without a price its cost is unknown.",
        examples=[{"claude-sonnet-5": Price(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75)}],
    )

    @model_validator(mode="after")
    def _merges_only_when_strict(self) -> Settings:
        if self.nightly.merge and self.tune.tier != "strict":
            raise ValueError(
                'nightly.merge needs tune.tier = "strict": only that tier limits how many useless edits are merged'
            )
        return self

    @property
    def database(self) -> Path:
        return self.root / "runs.db"

    @property
    def cache(self) -> Path:
        """The folder of what can be rebuilt, such as templates and environments."""
        return self.root / ".meta"

    @property
    def agent_repository(self) -> Path:
        return (self.root / self.worker.repository).resolve()

    def worker_endpoint(self) -> ModelEndpoint:
        return self._endpoint(self.worker)

    def proposer_endpoint(self) -> ModelEndpoint:
        own = self.proposer
        merged = {
            "model": own.model or self.worker.model,
            "base_url": own.base_url or self.worker.base_url,
            "key_variable": own.key_variable if own.base_url else self.worker.key_variable,
        }
        return self._endpoint(own.model_copy(update=merged))

    def _endpoint(self, of: ModelSettings) -> ModelEndpoint:
        return ModelEndpoint(
            model=of.model or os.environ.get("ANTHROPIC_MODEL", ""),
            base_url=of.base_url or os.environ.get("ANTHROPIC_BASE_URL", ""),
            key_variable=of.key_variable,
            timeout_seconds=of.timeout_seconds,
            retries=of.retries,
            prices=self.prices,
        )
