"""Reads which package indexes the person uses, from uv's and pip's settings."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import netrc
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from meta.environments.interpreters import find_uv
from meta.errors import MetaError
from safeguards.known_secrets import remember_secret

_RESOLVER = re.compile(r"UV_(INDEX_STRATEGY|PRERELEASE|FORK_STRATEGY|HTTP_TIMEOUT|CONCURRENT_\w+)")
"""Settings of uv that hold no secret and change what it finds, or how fast."""


@dataclass(frozen=True)
class PackageIndex:
    """One place to find packages: an index, or a flat page or folder of links to files.

    `url` has no password in it, and no slash at its end.
    """

    url: str
    flat: bool = False
    username: str = ""
    password: str = ""
    configured: bool = True
    """The person named it, so it may be on a private network."""

    @property
    def id(self) -> str:
        """A short name that stays the same for the same URL."""
        return hashlib.sha256(f"{self.flat}{self.url}".encode()).hexdigest()[:12]

    @property
    def origin(self) -> tuple[str, str, int]:
        return origin_of(self.url)


@dataclass(frozen=True)
class IndexSettings:
    """The indexes in the order in which they are asked; `default` is asked last."""

    default: PackageIndex | None
    extra: tuple[PackageIndex, ...]
    certificates: tuple[Path, ...]
    """Further authorities to trust: files of certificates."""
    resolver: Mapping[str, str]
    """uv's own variables that steer the resolution."""

    @property
    def indexes(self) -> tuple[PackageIndex, ...]:
        return (*self.extra, *([self.default] if self.default else []))


def origin_of(url: str) -> tuple[str, str, int]:
    """Return the scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def read_index_settings(environ: Mapping[str, str] = os.environ) -> IndexSettings:
    """Return the person's indexes, or else the installer's public default.

    uv's settings win over pip's, since uv installs. Raises `MetaError` when a file of settings cannot be read.
    """
    uv, pip = _read_uv_settings(environ), _read_pip_settings(environ)
    find = _Credentials(environ)
    extra = [
        *(find.index(word) for word in _words(environ.get("UV_INDEX"))),
        *(find.index(word) for word in _words(environ.get("UV_EXTRA_INDEX_URL"))),
        *(find.index(entry["url"], entry.get("name", "")) for entry in uv["index"] if not entry.get("default")),
        *(find.index(word) for word in _words(uv.get("extra-index-url"))),
        *(find.index(word) for word in _words(pip.get("extra-index-url"))),
    ]
    default = None
    if _is_true(uv.get("no-index") or pip.get("no-index")):
        # Loose files carry no dates, so they are asked only where there is nothing else.
        links = [environ.get("UV_FIND_LINKS") or uv.get("find-links"), pip.get("find-links")]
        extra = [find.index(word, flat=True) for setting in links for word in _words(setting)]
    else:
        default = _find_default(environ, uv, pip, find)
    resolver = {name: value for name, value in environ.items() if _RESOLVER.fullmatch(name)}
    if strategy := uv.get("index-strategy"):
        resolver.setdefault("UV_INDEX_STRATEGY", str(strategy))
    if "extra-index-url" in pip:  # pip takes the best version of all indexes; its settings are made for that
        resolver.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    files = [environ.get(n) for n in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")] + [pip.get("cert")]
    certificates = tuple(dict.fromkeys(Path(file) for file in files if file and Path(file).is_file()))
    return IndexSettings(default, tuple(dict.fromkeys(extra)), certificates, resolver)


def _find_default(
    environ: Mapping[str, str], uv: Mapping[str, Any], pip: Mapping[str, str], find: _Credentials
) -> PackageIndex:
    named = [entry for entry in uv["index"] if entry.get("default")]
    if url := environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL"):
        return find.index(url)
    if named:
        return find.index(named[0]["url"], named[0].get("name", ""))
    if url := uv.get("index-url") or pip.get("index-url"):
        return find.index(url)
    return PackageIndex(find_default_index(), configured=False)


@lru_cache(maxsize=1)
def find_default_index() -> str:
    """Return the public index that uv itself would ask. Raises `MetaError`."""
    words = subprocess.run([str(find_uv()), "pip", "install", "--help"], capture_output=True, text=True, check=False)
    if found := re.search(r"default: <?(https://[^>\s\]]+)", words.stdout):
        return found[1]
    raise MetaError("cannot find out uv's default package index", "set UV_DEFAULT_INDEX")


@dataclass(frozen=True)
class _Credentials:
    """Finds the user and password of an index: in its URL, in uv's variables, or in `.netrc`."""

    environ: Mapping[str, str]

    def index(self, word: str, name: str = "", *, flat: bool = False) -> PackageIndex:
        """Return the index of a URL, of a `name=URL`, or of a folder."""
        if found := re.match(r"([\w.-]+)=(?=[a-z+]+://|/)", word):
            name, word = found[1], word[found.end() :]
        if "://" not in word:
            word = Path(word).expanduser().absolute().as_uri()
        parts = urlsplit(word)
        host = parts.netloc.rpartition("@")[2]
        url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), parts.query, ""))
        index = PackageIndex(url, flat, unquote(parts.username or ""), unquote(parts.password or ""))
        key = re.sub(r"\W", "_", name).upper()
        if key:
            index = replace(
                index,
                username=self.environ.get(f"UV_INDEX_{key}_USERNAME", index.username),
                password=self.environ.get(f"UV_INDEX_{key}_PASSWORD", index.password),
            )
        index = index if index.password else self._ask_netrc(index, parts.hostname or "")
        remember_secret(index.password)
        return index

    def _ask_netrc(self, index: PackageIndex, host: str) -> PackageIndex:
        path = Path(self.environ.get("NETRC") or _home(self.environ) / ".netrc")
        with contextlib.suppress(OSError, netrc.NetrcParseError):
            if (found := netrc.netrc(path).authenticators(host)) and index.username in ("", found[0]):
                return replace(index, username=found[0], password=found[2] or "")
        return index


def _read_uv_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of the person's `uv.toml`, over those of the machine's."""
    own = Path(environ.get("XDG_CONFIG_HOME") or _home(environ) / ".config", "uv", "uv.toml")
    files = [Path("/etc/uv/uv.toml"), own]
    if environ.get("UV_CONFIG_FILE"):
        files = [Path(environ["UV_CONFIG_FILE"])]
    if _is_true(environ.get("UV_NO_CONFIG")):
        files = []
    merged: dict[str, Any] = {"index": []}
    for file in files:
        try:
            found = tomllib.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise MetaError(f"cannot read {file}: {error}", "correct the file") from None
        found = {**found, **found.pop("pip", {})}
        indexes = [entry for entry in found.pop("index", []) if "url" in entry and not entry.get("explicit")]
        merged = {**merged, **found, "index": [*indexes, *merged["index"]]}
    return merged


def _read_pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings; variables win over files, and the person's files over the machine's."""
    merged: dict[str, str] = {}
    for file in _list_pip_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, "utf-8")
        except (configparser.Error, ValueError) as error:
            raise MetaError(f"cannot read {file}: {error}", "correct the file") from None
        for section in ("global", "install"):
            if parser.has_section(section):
                merged |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            merged[name[4:].lower().replace("_", "-")] = value
    return merged


def _list_pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    chosen = environ.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return
    home = _home(environ)
    yield from (Path(folder, "pip", "pip.conf") for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"))
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    yield Path(environ.get("VIRTUAL_ENV") or sys.prefix, "pip.conf")
    if chosen:
        yield Path(chosen)


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def _words(value: object) -> list[str]:
    """Return the entries of a setting: a list, or words in a text."""
    return [str(v) for v in value] if isinstance(value, list) else str(value or "").split()


def _is_true(value: object) -> bool:
    return str(value).strip().lower() in ("1", "true", "yes", "on", "y", "t")
