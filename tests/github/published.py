"""GitHub's published descriptions of its API, as npm packages: downloaded when a test needs one, never committed.

Looked for in the folder that META_TEST_CACHE names (default: `~/.cache/meta-tests`), else fetched there with
`npm pack NAME`. Without npm, unpack the package's tarball there by hand, as `octokit-graphql-schema/` and so on.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.github.server import GitHubServer, Request, github

_SECONDS = 240


def package(name: str) -> Path:
    """The unpacked npm package `@octokit/NAME`; the test is skipped, with the reason, where it cannot be had."""
    cache = Path(os.environ.get("META_TEST_CACHE") or Path.home() / ".cache" / "meta-tests")
    home = cache / f"octokit-{name}"
    if home.is_dir():
        return home
    npm = shutil.which("npm")
    if not npm:
        pytest.skip(f"needs the npm package @octokit/{name}: install npm, or unpack it to {home}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        try:
            done = subprocess.run(
                [npm, "pack", "--silent", f"@octokit/{name}"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not deliver @octokit/{name} within {_SECONDS} s; unpack it to {home} by hand")
        tarballs = list(Path(folder).glob("*.tgz"))
        if done.returncode or not tarballs:
            pytest.skip(f"npm cannot get @octokit/{name}: {done.stderr.strip()[-200:]}; unpack it to {home} by hand")
        with tarfile.open(tarballs[0]) as archive:
            wanted = [m for m in archive.getmembers() if "deref" not in m.name and "ghes" not in m.name]
            archive.extractall(folder, members=wanted, filter="data")
        (Path(folder) / "package").rename(home)
    return home


@functools.cache
def graphql_schema() -> Any:
    """The schema for `graphql-core`. It is taken to be valid: some deprecations in it break rules of GraphQL's own."""
    graphql = pytest.importorskip("graphql", reason="needs the PyPI package graphql-core")
    text = (package("graphql-schema") / "schema.graphql").read_text("utf-8")
    return graphql.build_schema(text, assume_valid=True)


@functools.cache
def openapi() -> dict[str, Any]:
    """The description of the REST API, its `nullable` (OpenAPI 3.0) said as JSON Schema says it."""
    text = (package("openapi") / "generated" / "api.github.com.json").read_text("utf-8")
    loaded: dict[str, Any] = _with_null(json.loads(text))
    return loaded


def _with_null(item: Any) -> Any:
    if isinstance(item, list):
        return [_with_null(each) for each in item]
    if not isinstance(item, dict):
        return item
    schema = {name: _with_null(each) for name, each in item.items()}
    return {"anyOf": [{"type": "null"}, schema]} if item.get("nullable") is True else schema


@functools.cache
def webhook_examples() -> dict[str, list[dict[str, Any]]]:
    """Example payloads by event name."""
    found = json.loads((package("webhooks-examples") / "api.github.com" / "index.json").read_text("utf-8"))
    return {item["name"]: item["examples"] for item in found}


@contextlib.contextmanager
def published_github(**world: Any) -> Iterator[GitHubServer]:
    """A fake GitHub that keeps to what GitHub publishes, and whoever asks it must as well: each query is validated
    against the GraphQL schema and executed, each request and each answer of the REST API is to its description."""
    openapi()  # so that a test is skipped before it begins
    with github(schema=graphql_schema(), **world) as served:
        yield served
    assert wrong_in(served.requests) == []


def wrong_in(requests: Iterable[Request]) -> list[str]:
    """What is wrong with what was asked and answered, by what GitHub publishes. A fault in the place of an answer is
    meant to be wrong, and not looked at."""
    import graphql

    wrong: list[str] = []
    for request in requests:
        path = request.path.removeprefix("/api/v3")
        if request.path.endswith("/graphql"):
            wrong += [e.message for e in graphql.validate(graphql_schema(), graphql.parse(request.body["query"]))]
            continue
        wrong += request_against_openapi(request.method, path, request.query, request.body)
        if request.status:
            wrong += answer_against_openapi(request.method, path, request.status, request.kind, request.answered)
    return wrong


def request_against_openapi(method: str, path: str, query: dict[str, str], body: Any) -> list[str]:
    """What is wrong with a request of the REST API, by its description: path, method, parameters and body."""
    operation = _operation(method, path)
    if operation is None:
        return [f"there is no {method} {path}"]
    named = {p["name"] for item in operation.get("parameters", []) if (p := _resolved(item))["in"] == "query"}
    wrong = [f"{method} {path} has no parameter {name}" for name in query.keys() - named]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None and schema:
        wrong += [f"{method} {path}: {said}" for said in _against(schema, body)]
    return wrong


def answer_against_openapi(method: str, path: str, status: int, kind: str, body: Any) -> list[str]:
    """What is wrong with an answer of the REST API, by its description: status, content type and body."""
    operation = _operation(method, path)
    if operation is None:
        return [] if status == 404 else [f"there is no {method} {path}"]
    answer = f"the answer {status} to {method} {path}"
    described = operation["responses"].get(str(status))
    if described is None:
        return [f"{answer} is not described"]
    content = _resolved(described).get("content", {})
    if not content and body is None:
        return []
    if kind not in content:
        # The media types of some operations are told in words only.
        told = isinstance(body, str) and f"`{kind}`" in operation["description"]
        return [] if told else [f"{answer} is never {kind or 'without a type'}"]
    return [f"{answer}: {said}" for said in _against(content[kind]["schema"], body)]


def _operation(method: str, path: str) -> dict[str, Any] | None:
    """The description of a method of a path; of several that fit, the one with the fewest places to fill in."""
    paths, parts = openapi()["paths"], path.strip("/").split("/")
    fitting = [t for t in paths if _fits(t.strip("/").split("/"), parts) and method.lower() in paths[t]]
    found: dict[str, Any] | None = None
    if fitting:
        found = paths[min(fitting, key=lambda template: template.count("{"))][method.lower()]
    return found


def _against(schema: dict[str, Any], body: Any) -> list[str]:
    """Where a body is not to its schema, and which of its fields, or its items' fields, the schema does not know."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs the PyPI package jsonschema")
    whole = {**_resolved(schema), "components": openapi()["components"]}
    # OpenAPI 3.0 took its schemas from this draft.
    errors = jsonschema.Draft4Validator(whole, format_checker=_formats()).iter_errors(body)
    wrong = [f"{e.json_path}: {e.message[:300]}" for e in errors]
    known = (_resolved(whole["items"]) if isinstance(body, list) else whole).get("properties")
    for item in body if isinstance(body, list) else [body]:
        if known and isinstance(item, dict):
            wrong += [f"there is no field {name}" for name in item.keys() - known.keys()]
    return wrong


@functools.cache
def _formats() -> Any:
    import jsonschema

    checker = jsonschema.FormatChecker(formats=())
    checker.checks("date-time", raises=ValueError)(
        lambda value: not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
    )
    checker.checks("uri")(lambda value: not isinstance(value, str) or "://" in value)
    return checker


def _fits(template: list[str], parts: list[str]) -> bool:
    if template and template[-1] == "{basehead}":
        return len(parts) >= len(template) and _fits(template[:-1], parts[: len(template) - 1])
    return len(template) == len(parts) and all(
        t.startswith("{") or t == p for t, p in zip(template, parts, strict=True)
    )


def _resolved(item: dict[str, Any]) -> dict[str, Any]:
    found: Any = item
    if "$ref" in item:
        found = openapi()
        for part in item["$ref"].lstrip("#/").split("/"):
            found = found[part]
    return dict(found)
