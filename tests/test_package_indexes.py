"""The person's package indexes, as a build reaches them: through a proxy, and without their passwords."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from meta.environments.build_sandbox import open_build_sandbox
from meta.environments.index.guarded_transport import is_private_address
from meta.environments.index.index_settings import IndexSettings, PackageIndex, read_index_settings
from meta.environments.index.proxy import SOCKET_NAME, serve_indexes
from meta.environments.installer import Installer
from meta.errors import MetaError
from tests.index_server import PASSWORD, USER, IndexServer, index_server

PUBLIC = PackageIndex("https://index.example/simple", configured=False)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without settings, on a machine that has none of its own."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name, value in {"HOME": home, "XDG_CONFIG_HOME": home / ".config", "XDG_CONFIG_DIRS": home}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    return home


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with index_server() as server:
        server.add("shelf")
        yield server


Settings = Callable[[IndexServer, Path], "dict[str, str]"]


def write(path: Path, text: str) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return {}


WAYS: dict[str, Settings] = {
    "PIP_INDEX_URL": lambda index, home: {"PIP_INDEX_URL": index.url_with_password},
    "UV_INDEX_URL": lambda index, home: {"UV_INDEX_URL": f"{index.url_with_password}/"},
    "UV_DEFAULT_INDEX": lambda index, home: {"UV_DEFAULT_INDEX": index.url_with_password},
    "PIP_EXTRA_INDEX_URL": lambda index, home: {
        "PIP_INDEX_URL": f"{index.url}/none",
        "PIP_EXTRA_INDEX_URL": index.url_with_password,
    },
    "UV_EXTRA_INDEX_URL": lambda index, home: {
        "UV_INDEX_URL": f"{index.url}/none",
        "UV_EXTRA_INDEX_URL": index.url_with_password,
    },
    "UV_INDEX with a name": lambda index, home: {
        "UV_DEFAULT_INDEX": f"{index.url}/none",
        "UV_INDEX": f"our-own={index.url}",
        "UV_INDEX_OUR_OWN_USERNAME": USER,
        "UV_INDEX_OUR_OWN_PASSWORD": PASSWORD,
    },
    "pip.conf": lambda index, home: write(
        home / ".config/pip/pip.conf", f"[global]\nindex_url = {index.url_with_password}\n"
    ),
    "the old pip.conf": lambda index, home: write(
        home / ".pip/pip.conf",
        f"[global]\nindex-url = {index.url}/none\n[install]\nindex-url = {index.url_with_password}\n",
    ),
    "PIP_CONFIG_FILE": lambda index, home: {
        **write(home / "my.conf", f"[global]\nindex-url = {index.url_with_password}\n"),
        "PIP_CONFIG_FILE": str(home / "my.conf"),
    },
    "uv.toml": lambda index, home: write(
        home / ".config/uv/uv.toml", f'[[index]]\nname = "own"\ndefault = true\nurl = "{index.url_with_password}"\n'
    ),
    "uv.toml for pip": lambda index, home: write(
        home / ".config/uv/uv.toml", f'[pip]\nindex-url = "{index.url_with_password}"\n'
    ),
    ".netrc": lambda index, home: {
        **write(home / ".netrc", f"machine 127.0.0.1 login {USER} password {PASSWORD}\n"),
        "PIP_INDEX_URL": index.url,
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_packages_come_from_the_index_that_the_person_has_set(
    way: str, index: IndexServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in WAYS[way](index, home).items():
        monkeypatch.setenv(name, value)
    with open_build_sandbox("3.11", tmp_path / "cache") as build:
        assert Installer(build, "2024-03-01").resolve(("shelf",)).text == "shelf==1.0"
    assert ("/simple/shelf/", f"{USER}:{PASSWORD}") in index.asked


@pytest.mark.parametrize("as_html", [False, True])
def test_a_page_keeps_what_it_says_and_its_files_come_through_the_proxy(index: IndexServer, as_html: bool) -> None:
    index.as_html = as_html
    with asking(PackageIndex(index.url, username=USER, password=PASSWORD)) as get:
        page = get("simple/shelf/")
        assert page.status_code == 200
        assert ("data-yanked" if as_html else "2024-01-01T00:00:00Z") in page.text
        assert get("files/shelf/shelf-1.0-py3-none-any.whl").content == index.files["shelf-1.0-py3-none-any.whl"]
        assert get("files/shelf/shelf-2.0-py3-none-any.whl").status_code == 404


def test_an_error_names_the_index_and_no_password(index: IndexServer, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url_with_password.replace(PASSWORD, "wr0ng"))
    with open_build_sandbox("3.11", tmp_path / "cache") as build, pytest.raises(MetaError) as caught:
        Installer(build, None).resolve(("shelf",))
    assert "401" in caught.value.message
    assert "wr0ng" not in caught.value.message
    assert "127.0.0.1:8000" not in caught.value.message


def test_a_local_folder_serves_as_an_index_and_cannot_lead_out_of_it_by_name(tmp_path: Path, home: Path) -> None:
    (tmp_path / "simple" / "shelf").mkdir(parents=True)
    (tmp_path / "shelf-1.0-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "simple/shelf/index.html").write_text('<a href="../../shelf-1.0-py3-none-any.whl">shelf</a>')
    found = read_index_settings({"HOME": str(home), "PIP_INDEX_URL": str(tmp_path / "simple")}).default
    assert found
    with asking(found) as get:
        assert get("files/shelf/shelf-1.0-py3-none-any.whl").content == b"wheel"
        assert get("simple/../").status_code == 404
        assert get("files/shelf/..%2f..%2fhome").status_code == 404


@pytest.mark.parametrize("place", ["/../../etc/passwd", "/simple/%2e%2e/", "http://127.0.0.1:22/", "/links/", "/"])
def test_the_proxy_serves_pages_and_files_and_nothing_else(index: IndexServer, place: str) -> None:
    with asking(PackageIndex(index.url, username=USER, password=PASSWORD)) as get:
        assert get(place).status_code in (400, 404)
        assert get("simple/shelf/", method="POST").status_code == 501
    assert index.asked in ([], [("/simple", f"{USER}:{PASSWORD}")])


class TestNoOtherPlace:
    """What a page, a redirect or a name may not lead to: this machine, its network, and another's password."""

    def test_a_link_to_a_place_on_this_machine_is_refused(self, index: IndexServer) -> None:
        with plain_server() as (port, seen):
            index.links["shelf"]["shelf-2.0.tar.gz"] = f"http://127.0.0.1:{port}/secret"
            index.links["shelf"]["shelf-3.0.tar.gz"] = f"http://localhost:{port}/shelf-3.0.tar.gz"
            index.links["shelf"]["shelf-4.0.tar.gz"] = "file:///etc/shelf-4.0.tar.gz"
            with asking(PackageIndex(index.url, username=USER, password=PASSWORD)) as get:
                assert get("files/shelf/secret").status_code == 502
                assert get("files/shelf/shelf-3.0.tar.gz").status_code == 502
                assert get("files/shelf/shelf-4.0.tar.gz").status_code == 404
            assert seen == []

    def test_a_redirect_to_a_place_on_this_machine_is_refused(self, index: IndexServer) -> None:
        with plain_server() as (port, seen):
            index.moved["/files/shelf-1.0-py3-none-any.whl"] = f"http://127.0.0.1:{port}/"
            with asking(PackageIndex(index.url, username=USER, password=PASSWORD)) as get:
                assert get("files/shelf/shelf-1.0-py3-none-any.whl").status_code == 502
            assert seen == []

    def test_another_index_gets_no_password_that_is_not_its_own(self, index: IndexServer) -> None:
        with plain_server() as (port, seen):
            index.links["shelf"]["linked.whl"] = f"http://127.0.0.1:{port}/linked.whl"
            index.moved["/files/shelf-1.0-py3-none-any.whl"] = f"http://127.0.0.1:{port}/moved.whl"
            other = PackageIndex(f"http://127.0.0.1:{port}/simple")
            with asking(PackageIndex(index.url, username=USER, password=PASSWORD), other) as get:
                assert get("files/shelf/linked.whl").content == b"plain"
                assert get("files/shelf/shelf-1.0-py3-none-any.whl").content == b"plain"
            assert seen == [("/linked.whl", None), ("/moved.whl", None)]

    def test_a_public_name_that_leads_to_this_machine_is_refused_at_its_only_lookup(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked_up = []

        def look_up(host: str, port: int, *args: object, **options: object) -> list[tuple[object, ...]]:
            looked_up.extend([] if host == "127.0.0.1" else [host])
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        with plain_server() as (port, seen):
            monkeypatch.setattr(socket, "getaddrinfo", look_up)
            public = PackageIndex(f"http://index.example:{port}/simple", configured=False)
            with asking(public) as get:
                assert get("simple/shelf/").status_code == 502
            assert seen == []
            assert looked_up == ["index.example"]
            with asking(PackageIndex(public.url)) as get:  # the person's own may be there
                assert get("simple/shelf/").status_code == 200
            assert looked_up == ["index.example"] * 2

    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
            *("0.0.0.0", "::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"),
            *("2002:7f00:1::", "255.255.255.255", "ff02::1"),
        ],
    )
    def test_addresses_of_this_machine_and_its_networks_are_private(self, address: str) -> None:
        assert is_private_address(address)

    @pytest.mark.parametrize(
        "address", ["8.8.8.8", "151.101.0.223", "2a04:4e42::223", "172.32.0.1", "64:ff9b::808:808"]
    )
    def test_all_others_are_public(self, address: str) -> None:
        assert not is_private_address(address)


def test_the_persons_http_proxy_is_used_and_leads_to_no_private_place_either(monkeypatch: pytest.MonkeyPatch) -> None:
    with plain_server() as (port, seen):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        with asking(PackageIndex("http://index.example/simple", username=USER, password=PASSWORD)) as get:
            assert get("simple/shelf/").status_code == 200
        for private in ("http://10.0.0.1/simple", "http://metadata.internal/simple", "http://localhost/simple"):
            with asking(PackageIndex(private, configured=False)) as get:
                assert get("simple/shelf/").status_code == 502
    assert seen == [
        ("http://index.example/simple/shelf/", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
    ]


class TestSettings:
    """Which settings win. Nothing is asked of any index."""

    def read(self, home: Path, **environ: str) -> IndexSettings:
        return read_index_settings({"HOME": str(home), "XDG_CONFIG_DIRS": str(home), "PIP_NO_INDEX": "0", **environ})

    def test_without_settings_the_installers_own_default_is_asked(self, home: Path) -> None:
        found = self.read(home)
        assert found.default
        assert found.default.url.startswith("https://")
        assert not found.default.configured
        assert found.default.password == ""

    def test_uvs_settings_win_over_pips_and_variables_over_files(self, home: Path) -> None:
        write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://pip.example/simple\n")
        write(home / ".config/uv/uv.toml", 'index-url = "https://uv.example/simple"\n')
        assert self.read(home).default == PackageIndex("https://uv.example/simple")
        assert self.read(home, UV_NO_CONFIG="1").default == PackageIndex("https://pip.example/simple")
        named = self.read(home, UV_NO_CONFIG="1", PIP_INDEX_URL="https://ada:p%40ss@named.example/simple/")
        assert named.default == PackageIndex("https://named.example/simple", username="ada", password="p@ss")

    def test_no_index_leaves_the_folders_of_files(self, home: Path) -> None:
        found = self.read(home, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(home))
        assert found.default is None
        assert found.extra == (PackageIndex(f"file://{home}", flat=True),)

    def test_a_file_that_cannot_be_read_is_named(self, home: Path) -> None:
        write(home / ".config/uv/uv.toml", "index = [")
        with pytest.raises(MetaError, match=r"uv\.toml"):
            self.read(home)

    def test_several_indexes_of_pip_are_searched_as_pip_does(self, home: Path) -> None:
        extra = "https://a.example/simple https://b.example/simple"
        found = self.read(home, PIP_EXTRA_INDEX_URL=extra)
        assert [index.url for index in found.extra] == extra.split()
        assert found.resolver["UV_INDEX_STRATEGY"] == "unsafe-best-match"
        assert "UV_INDEX_STRATEGY" not in self.read(home, UV_EXTRA_INDEX_URL=extra).resolver


Get = Callable[..., httpx.Response]


@contextlib.contextmanager
def asking(index: PackageIndex, *others: PackageIndex) -> Iterator[Get]:
    """Serve indexes, and ask the first of them as a build would: on the socket, for a path."""
    settings = IndexSettings(index, others, (), {})
    with (
        serve_indexes(settings) as folder,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(folder / SOCKET_NAME))) as client,
    ):

        def get(place: str, method: str = "GET") -> httpx.Response:
            target = place if place.startswith(("/", "http")) else f"/{index.id}/{place}"
            return client.request(method, "http://127.0.0.1/", extensions={"target": target.encode()})

        yield get


@contextlib.contextmanager
def plain_server() -> Iterator[tuple[int, list[tuple[str, str | None]]]]:
    """A server on this machine that is no index; what it is asked for, with the password, is in the list."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Authorization")))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"plain")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1], seen
        finally:
            server.shutdown()
