"""A build runs the repository's code: what it can see, reach and change while it makes an environment."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from meta.environments.environment import build_environment
from meta.environments.interpreters import RELEASE_DAYS, find_installed_pythons
from meta.errors import MetaError
from meta.records.ticket import EnvironmentSpec
from tests.index_server import PASSWORD, IndexServer, index_server, make_wheel
from tests.repositories import Repository

PYPROJECT = """\
    [build-system]
    requires = []
    build-backend = "backend"
    backend-path = ["."]
    [project]
    name = "shop"
    version = "1.0"
    """

BACKEND = """\
    import base64, json, pathlib

    import attack

    def build_editable(folder, config_settings=None, metadata_directory=None):
        pathlib.Path("report.py").write_text("REPORT = " + repr(attack.run()))
        wheel = base64.b64decode({wheel!r})
        pathlib.Path(folder, "shop-1.0-py3-none-any.whl").write_bytes(wheel)
        return "shop-1.0-py3-none-any.whl"
    """
"""Builds without a build tool, and writes down what the attack saw in a module that the environment then keeps."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexServer]:
    """The person's only index, whose password stands in all the usual places."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    (home / ".config" / "pip").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    with index_server() as server:
        server.add("shelf")
        monkeypatch.setenv("PIP_INDEX_URL", server.url_with_password)
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url_with_password)
        monkeypatch.setenv("UV_INDEX_OWN_PASSWORD", PASSWORD)
        (home / ".netrc").write_text(f"machine 127.0.0.1 login ada password {PASSWORD}\n")
        (home / ".netrc").chmod(0o600)
        (home / ".config/pip/pip.conf").write_text(f"[global]\nindex-url = {server.url_with_password}\n")
        yield server


def build(folder: Path, attack: str, cache: Path) -> Path:
    """Build the environment of a project whose build runs `attack`; return its folder of packages."""
    wheel = base64.b64encode(make_wheel("shop", {"shop.pth": "/workspace\n"}))
    files = {"pyproject.toml": PYPROJECT, "backend.py": BACKEND.format(wheel=wheel), "attack.py": attack}
    shop = Repository(folder, files)
    spec = EnvironmentSpec(packages=("shelf",), exclude_newer="2024-03-01")
    environment = build_environment(spec, shop.path, shop.base, cache)
    return next(Path(environment.path[0]).parent.glob("lib/python*/site-packages"))


def read_report(site: Path) -> dict[str, object]:
    text = (site / "_meta_generated_files" / "report.py").read_text()
    found: dict[str, object] = eval(text.removeprefix("REPORT = "))
    return found


def snapshot(folder: Path) -> Mapping[str, str]:
    """Every file with its content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_build_sees_no_password_wherever_it_is_kept(tmp_path: Path, index: IndexServer) -> None:
    attack = f"""\
        import os, pathlib, subprocess

        def run():
            seen = [repr(dict(os.environ)).encode()]
            places = [str(p) for p in pathlib.Path("/proc").glob("[0-9]*/environ")]
            places += [str(p) for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")]
            home = {str(tmp_path / "home")!r}
            places += [home + "/.netrc", home + "/.config/pip/pip.conf", "/etc/pip.conf", "/etc/gitconfig"]
            for root in ("/run", "/tmp", "/workspace", os.environ["UV_CACHE_DIR"]):
                places += [str(p) for p in pathlib.Path(root).rglob("*") if p.is_file()]
            for place in places:
                try:
                    seen.append(pathlib.Path(place).read_bytes())
                except OSError:
                    pass
            helper = subprocess.run(["git", "credential", "fill"], input=b"protocol=http\\nhost=127.0.0.1\\n\\n",
                                    capture_output=True, env={{**os.environ, "GIT_TERMINAL_PROMPT": "0"}})
            settings = subprocess.run(["git", "config", "--list", "--global"], capture_output=True)
            seen += [helper.stdout, settings.stdout]
            word = {PASSWORD[::-1]!r}[::-1].encode()
            return {{"seen": [s[:200] for s in seen if word in s], "files": len(seen), "home": os.path.exists(home)}}
        """
    report = read_report(build(tmp_path, attack, tmp_path / "cache"))
    assert report["seen"] == []
    assert not report["home"]
    assert int(str(report["files"])) > 10  # it did look


def test_a_build_reaches_the_index_and_no_other_place(tmp_path: Path, index: IndexServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        attack = f"""\
            import os, socket, urllib.error, urllib.request

            def connect(host, port):
                try:
                    socket.create_connection((host, port), 2).close()
                    return True
                except OSError:
                    return False

            def fetch(url):
                try:
                    return urllib.request.urlopen(url, timeout=5).status
                except urllib.error.HTTPError as error:
                    return error.code

            def run():
                index = os.environ["PIP_INDEX_URL"]
                root = index.rsplit("/", 2)[0]
                proxied = urllib.request.build_opener(urllib.request.ProxyHandler({{"http": root}}))
                try:
                    through = proxied.open("http://127.0.0.1:{other.getsockname()[1]}/", timeout=5).status
                except urllib.error.HTTPError as error:
                    through = error.code
                return {{
                    "connected": [place for place in (
                        ("127.0.0.1", {other.getsockname()[1]}), ("127.0.0.1", {index.port}), ("::1", 22),
                        ("192.0.2.1", 443), ("index.example", 443), ({socket.gethostname()!r}, 22),
                    ) if connect(*place)],
                    "index": fetch(index + "/shelf/"),
                    "others": [fetch(root + p) for p in ("/", "/x/http://127.0.0.1/", "/files/")] + [through],
                    "sockets": len(open("/proc/net/route").readlines()),
                }}
            """
        report = read_report(build(tmp_path, attack, tmp_path / "cache"))
    assert report == {"connected": [], "index": 200, "others": [404, 404, 404, 404], "sockets": 1}


def test_a_build_changes_no_other_environment_and_no_cache_of_others(tmp_path: Path, index: IndexServer) -> None:
    cache = tmp_path / "cache"
    first = build(tmp_path / "first", "def run():\n    return {}\n", cache)
    attack = f"""\
        import os, pathlib

        def run():
            changed = []
            for root in ({str(cache)!r}, {str(tmp_path)!r}, "/run", "/var", "/usr/local", "/etc"):
                for folder, _, names in os.walk(root):
                    if folder.startswith(os.environ["UV_CACHE_DIR"]):
                        continue
                    for name in [*names, "planted.pth"]:
                        path = os.path.join(folder, name)
                        try:
                            with open(path, "a") as stream:
                                stream.write("import poison\\n")
                            if name != "planted.pth" and not os.path.islink(path):
                                changed.append(path)
                        except OSError:
                            pass
            return {{"changed": changed}}
        """
    before = snapshot(first.parents[3]), snapshot(cache / "uv" / "archive-v0")
    assert all(before)
    site = build(tmp_path / "second", attack, cache)
    assert (snapshot(first.parents[3]), snapshot(cache / "uv" / "archive-v0")) == before
    changed = read_report(site)["changed"]
    assert isinstance(changed, list)
    own = str(site.parents[2])
    assert [path for path in changed if not path.startswith(own)] == []
    assert f"{site}/shelf.py" in changed  # it did change what is its own
    assert [path for path in tmp_path.rglob("planted.pth") if not str(path).startswith(own)] == []


def test_links_that_a_build_leaves_lead_nobody_out_and_its_start_up_code_runs_nowhere_else(
    tmp_path: Path, index: IndexServer
) -> None:
    outside, secret = tmp_path / "outside", tmp_path / "secret.py"
    outside.mkdir()
    secret.write_text("SECRET = 1\n")
    attack = f"""\
        import os, pathlib, sys, glob

        def run():
            home = [p for p in glob.glob({str(tmp_path / "cache")!r} + "/*/env")][0]
            site = glob.glob(home + "/lib/python*/site-packages")[0]
            pathlib.Path(site, "start.pth").write_text(
                "import os; os.path.isdir({str(outside)!r}) and open({str(outside / "ran")!r}, 'w').close()\\n")
            os.symlink({str(outside)!r}, site + "/_meta_generated_files")
            os.symlink({str(secret)!r}, "copied.py")
            os.symlink({str(outside / "complete")!r}, home + "/complete")
            return {{}}
        """
    cache = tmp_path / "cache"
    with contextlib.suppress(MetaError):  # it may spoil its own environment
        build(tmp_path, attack, cache)
    with contextlib.suppress(MetaError):
        build(tmp_path / "again", attack.replace("[0]", "[-1]"), cache)
    assert list(outside.iterdir()) == []
    kept = [path for path in cache.rglob("copied.py") if "SECRET" in path.read_text()]
    assert kept == []


def test_a_package_that_must_be_built_leaves_nothing_in_the_cache_of_others(tmp_path: Path, index: IndexServer) -> None:
    wheel = base64.b64encode(make_wheel("rough", {"rough.py": "A = 1\n"}))
    backend = f"""if True:
        import base64, os, pathlib
        for folder in (os.environ["UV_CACHE_DIR"] + "/../uv", {str(tmp_path / "cache" / "uv")!r}):
            try:
                pathlib.Path(folder, "planted").write_text("planted")
            except OSError:
                pass

        def build_wheel(folder, config_settings=None, metadata_directory=None):
            name = "rough-1.0-py3-none-any.whl"
            pathlib.Path(folder, name).write_bytes(base64.b64decode({wheel!r}))
            return name
    """
    about = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    index.add_sdist("rough", {"backend.py": backend, "pyproject.toml": about})
    shop = Repository(tmp_path, {"shop.py": ""})
    spec = EnvironmentSpec(packages=("rough", "shelf"), project=False)
    environment = build_environment(spec, shop.path, shop.base, tmp_path / "cache")
    site = next(Path(environment.path[0]).parent.glob("lib/python*/site-packages"))
    assert (site / "rough.py").read_text() == "A = 1\n"
    shared = [str(path) for path in (tmp_path / "cache" / "uv").rglob("*")]
    assert [path for path in shared if "planted" in path or path.endswith(".whl") or "rough.py" in path] == []
    assert list((tmp_path / "cache").glob(".build-*")) == []


@pytest.mark.slow
def test_every_python_here_gets_its_environment(tmp_path: Path, index: IndexServer) -> None:
    shop = Repository(tmp_path, {"shop.py": ""})
    here = [f"{major}.{minor}" for major, minor in RELEASE_DAYS if f"{major}.{minor}" in find_installed_pythons()]
    for version in here:
        spec = EnvironmentSpec(python=version, packages=("shelf",))
        environment = build_environment(spec, shop.path, shop.base, tmp_path / "cache")
        site = next(Path(environment.path[0]).parent.glob("lib/python*/site-packages"))
        assert list((site / "__pycache__").glob("shelf.*.pyc")), version
        assert (site / "_meta_project.pth").exists(), version
    assert here
