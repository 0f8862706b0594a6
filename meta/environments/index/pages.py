"""Rewrites the pages of a package index so that each link leads through the proxy."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urljoin


@dataclass
class IndexPage:
    """A page as the sandbox sees it, and where its files really are, by name."""

    content: bytes
    files: dict[str, str] = field(default_factory=dict)


def rewrite_page(content: bytes, content_type: str, url: str, place: str) -> IndexPage:
    """Rewrite a page of the simple API, in JSON or HTML, found at `url`.

    Each link then leads to `place` and the file's name. Raises `ValueError` for JSON that is none.
    """
    page = IndexPage(b"")

    def move(link: str) -> str:
        target, hash_sign, fragment = link.partition("#")  # some pages have tens of thousands of links
        target = target if "://" in target else urljoin(url, target)
        name = target.partition("?")[0].rpartition("/")[2]
        page.files.setdefault(unquote(name), target)
        return f"{place}{name}{hash_sign}{fragment}"

    if "json" in content_type:
        parsed = json.loads(content)
        for file in parsed.get("files", []):
            file["url"] = move(file["url"])
        page.content = json.dumps(parsed).encode()
    else:
        parser = _Links(move)
        parser.feed(content.decode("utf-8", "replace"))
        page.content = "".join(["<!DOCTYPE html><html><body>\n", *parser.parts, "</body></html>\n"]).encode()
    return page


def list_folder(folder: Path) -> bytes:
    """Return a page with a link to each file of a folder."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    return "".join(f'<a href="{quote(name)}">{html.escape(name)}</a>\n' for name in names).encode()


class _Links(HTMLParser):
    """Copies links with their attributes, and nothing else of a page."""

    def __init__(self, move: Callable[[str], str]) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._move, self._base = move, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "base":
            self._base = given.get("href") or ""
        if tag == "a" and (link := given.pop("href", "")):
            moved = self._move(urljoin(self._base, link) if self._base else link)
            kept = "".join(f' {name}="{html.escape(value or "")}"' for name, value in given.items())
            self.parts.append(f'<a href="{html.escape(moved)}"{kept}>')

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.parts.append("</a>\n")

    def handle_data(self, data: str) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append(html.escape(data))
