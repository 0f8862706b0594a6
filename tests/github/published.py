"""GitHub's published descriptions of its API, as npm packages: downloaded when a test needs one, never committed.

Looked for in the folder that META_TEST_CACHE names (default: `~/.cache/meta-tests`), else fetched there with
`npm pack NAME`. Without npm, unpack the package's tarball there by hand, as `octokit-graphql-schema/` and so on.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

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
                cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False,
            )  # fmt: skip
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
    """The description of the REST API."""
    text = (package("openapi") / "generated" / "api.github.com.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@functools.cache
def webhook_examples() -> dict[str, list[dict[str, Any]]]:
    """Example payloads by event name."""
    found = json.loads((package("webhooks-examples") / "api.github.com" / "index.json").read_text("utf-8"))
    return {item["name"]: item["examples"] for item in found}


def against_openapi(method: str, path: str, query: dict[str, str], body: Any) -> list[str]:
    """What is wrong with a request of the REST API, by its description: path, method, parameters and body."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs the PyPI package jsonschema")
    described = openapi()
    parts = path.strip("/").split("/")
    fitting = [
        template
        for template in described["paths"]
        if _fits(template.strip("/").split("/"), parts) and method.lower() in described["paths"][template]
    ]
    if not fitting:
        return [f"there is no {method} {path}"]
    operation = described["paths"][min(fitting, key=lambda template: template.count("{"))][method.lower()]
    named = {
        p["name"]: p for item in operation.get("parameters", []) if (p := _resolved(described, item))["in"] == "query"
    }
    wrong = [f"{method} {path} has no parameter {name}" for name in query.keys() - named.keys()]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None and schema:
        whole = {**_resolved(described, schema), "components": described["components"]}
        wrong += [f"{method} {path}: {e.message}" for e in jsonschema.Draft202012Validator(whole).iter_errors(body)]
        wrong += [f"{method} {path} has no field {name}" for name in body.keys() - whole.get("properties", body).keys()]
    return wrong


def _fits(template: list[str], parts: list[str]) -> bool:
    if template and template[-1] == "{basehead}":
        return len(parts) >= len(template) and _fits(template[:-1], parts[: len(template) - 1])
    return len(template) == len(parts) and all(
        t.startswith("{") or t == p for t, p in zip(template, parts, strict=True)
    )


def _resolved(described: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    found: Any = item
    if "$ref" in item:
        found = described
        for part in item["$ref"].lstrip("#/").split("/"):
            found = found[part]
    return dict(found)
