"""meta.toml, validated. Every setting has a default that works; `meta init` writes the file with comments."""

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
    """A model and where it answers. Keys are never written here: only the name of the variable that holds one."""

    model: str = ""
    base_url: str = ""
    key_variable: str = "ANTHROPIC_API_KEY"
    timeout_seconds: float = Field(600.0, gt=0)
    retries: int = Field(4, ge=0)


class WorkerSettings(ModelSettings):
    """Where the agent lives, and the model it uses unless its agent.toml names one."""

    repository: str = "."
    surface: str = "worker_agent"


class ProposerSettings(ModelSettings):
    """Who writes edits. Empty fields are taken from [worker]."""

    style: Literal["rewrite", "agent", "sentence"] = "rewrite"
    edits: int = Field(3, ge=1, le=12, description="most edits asked for in a night")


class AgentSettings(Record):
    """How the agent's pull requests are known, besides the version trailer."""

    authors: tuple[str, ...] = ()
    co_authors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class GitHubSettings(Record):
    """Where GitHub is and as whom; secrets are named by environment variable. See docs/github.md."""

    base_url: str = Field("https://api.github.com", pattern=r"^https?://[^\s@]+$")
    token_variable: str = "GITHUB_TOKEN"
    app_id: str = ""
    installation_id: int = 0
    app_key_variable: str = "GITHUB_APP_PRIVATE_KEY"
    agent_repository: str = Field("", description="owner/name of the agent's own repository, for its proposals")
    mention: str = Field("@meta", description="words that start the worker in a comment on an issue")
    label: str = Field("meta", description="the label that starts it")
    draft: bool = Field(False, description="open the worker's pull requests as drafts")

    @property
    def access(self) -> GitHubAccess:
        names = ("base_url", "token_variable", "app_id", "installation_id", "app_key_variable")
        return GitHubAccess(**{name: getattr(self, name) for name in names})


class RepositorySettings(Record):
    """A repository that the agent works on."""

    path: str
    name: str = ""
    main: str = "main"
    github: bool = Field(False, description="also ask GitHub what became of them; needs the name")
    export: str = Field("", description="a JSONL export of its pull requests and reviews; see docs/feedback.md")


class ReplaySettings(Record):
    """How replays are run."""

    parallel: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1)
    sandbox: Literal["bubblewrap", "podman", "docker", "none"] = "bubblewrap"
    executor: Literal["local", "ray"] = Field("local", description="where replays run; see docs/nights.md for Ray")
    ray_address: str = Field("auto", description="the cluster's address; auto: the one that runs on this machine")
    limits: Limits = Limits()
    environments_mb: int = Field(20_000, ge=0, description="disk for built environments; the least used go first")


class TuneSettings(Record):
    """What a night may spend and how sure it must be."""

    replays: int = Field(200, ge=1, description="budget of one night, in replays")
    alpha: float | None = Field(None, gt=0, lt=1, description="chance of keeping an edit that is no better")
    tier: Literal["standard", "strict"] = Field("standard", description="strict: for teams that merge unattended")
    surface_chars: int = Field(40_000, ge=1000, description="size budget of prompts, agent.toml and tools together")


class NightlySettings(Record):
    """What an unattended night may do and spend."""

    until: str = Field("", pattern=r"^(([01]?\d|2[0-3]):[0-5]\d)?$", description="local time at which it must be over")
    usd: float | None = Field(None, gt=0, description="money for one night, all model calls together")
    tokens: int | None = Field(None, ge=1, description="tokens for one night, all model calls together")
    patience_minutes: float = Field(60.0, ge=0, description="how long to wait for a service that does not answer")
    mine: int = Field(0, ge=0, description="tickets to mine in a night from each repository's newest history")
    publish: bool = Field(False, description="open a pull request for each proposal")
    merge: bool = Field(False, description="merge what the gate keeps; only with tune.tier = 'strict'")
    webhook: SecretStr = Field(SecretStr(""), description="where the account is sent; or the variable META_WEBHOOK")
    keep_days: int = Field(180, ge=1, description="transcripts older than this are removed; verdicts never are")
    keep_mb: int = Field(2000, ge=1, description="transcripts are removed, the oldest first, beyond this size")


class SearchSettings(Record):
    """What is tried besides the proposer's edits: earlier edits together, and other settings of the agent."""

    suggestions: int = Field(2, ge=0, le=12, description="most suggestions of the study at a time; 0: none")
    models: tuple[str, ...] = ()
    efforts: tuple[Literal["low", "medium", "high", "xhigh", "max"], ...] = ()
    turns: tuple[Annotated[int, Field(ge=1)], ...] = ()
    tokens: tuple[Annotated[int, Field(ge=1)], ...] = ()
    tools: tuple[str, ...] = Field((), description="tools that may be switched off, or on")
    doubling: float = Field(0.05, ge=0, le=1, description="success that a change must bring for a doubled cost")


class Settings(Record):
    """All of meta.toml."""

    root: Path = Path(".")
    worker: WorkerSettings = WorkerSettings()
    proposer: ProposerSettings = ProposerSettings()
    agent: AgentSettings = AgentSettings()
    github: GitHubSettings = GitHubSettings()
    repositories: tuple[RepositorySettings, ...] = ()
    replay: ReplaySettings = ReplaySettings()
    tune: TuneSettings = TuneSettings()
    nightly: NightlySettings = NightlySettings()
    search: SearchSettings = SearchSettings()
    prices: dict[str, Price] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _merges_only_when_strict(self) -> Settings:
        if self.nightly.merge and self.tune.tier != "strict":
            raise ValueError('nightly.merge needs tune.tier = "strict": only that tier bounds what is merged wrongly')
        return self

    @property
    def database(self) -> Path:
        return self.root / "runs.db"

    @property
    def cache(self) -> Path:
        """What can be deleted at any time: templates, environments, exported versions."""
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
