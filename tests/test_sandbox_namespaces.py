"""What a person is told where the machine allows no user namespaces."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from worker_agent.sandbox.namespaces import explain_refusal

APPARMOR = "proc/sys/kernel/apparmor_restrict_unprivileged_userns"


def machine(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_under_apparmors_limit_the_advice_makes_a_profile_for_the_very_program(tmp_path: Path) -> None:
    root = machine(tmp_path, **{APPARMOR: "1\n", "etc/apparmor.d/firefox": "profile firefox /usr/bin/firefox {}\n"})
    advice = explain_refusal("/opt/o'dd name/bwrap", root)
    command = re.search(r"`(printf %b .*?) \| sudo tee (\S+) && sudo apparmor_parser -r (\S+)`", advice)
    assert command
    profile = subprocess.run(["sh", "-c", command[1]], capture_output=True, text=True, check=True).stdout
    assert profile.splitlines() == [
        "abi <abi/4.0>,",
        "include <tunables/global>",
        'profile meta-bwrap "/opt/o\'dd name/bwrap" flags=(unconfined) {',
        "  userns,",
        "}",
    ]
    assert command[2] == command[3] == str(tmp_path / "etc/apparmor.d/meta-bwrap")
    assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in advice


def test_a_profile_that_is_there_is_loaded_and_not_doubled(tmp_path: Path) -> None:
    profile = "etc/apparmor.d/bwrap-userns-restrict"
    root = machine(tmp_path, **{APPARMOR: "1", profile: "profile bwrap /opt/bwrap flags=(attach_disconnected) {}"})
    advice = explain_refusal("/opt/bwrap", root)
    assert f"sudo apparmor_parser -r {tmp_path / profile}" in advice
    assert "tee" not in advice


def test_other_limits_are_told_apart(tmp_path: Path) -> None:
    off = machine(tmp_path / "a", **{APPARMOR: "0", "proc/sys/kernel/unprivileged_userns_clone": "0\n"})
    assert "kernel.unprivileged_userns_clone=1" in explain_refusal("/usr/bin/bwrap", off)
    none = machine(tmp_path / "b", **{"proc/sys/user/max_user_namespaces": "0\n"})
    assert "user.max_user_namespaces=" in explain_refusal("/usr/bin/bwrap", none)
    assert "seccomp=unconfined" in explain_refusal("/usr/bin/bwrap", machine(tmp_path / "c", other=""))
