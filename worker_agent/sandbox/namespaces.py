"""Says why this machine lets bubblewrap create no namespaces, and what to do."""

from __future__ import annotations

import contextlib
import os
import shlex
from pathlib import Path

_PROFILE = """\
abi <abi/4.0>,
include <tunables/global>
profile {name} "{program}" flags=(unconfined) {{
  userns,
}}
"""


def explain_refusal(program: str, root: Path = Path("/")) -> str:
    """Return the commands that let `program` create user namespaces; `root` is where /proc and /etc lie."""
    program = os.path.realpath(program)
    if _read(root / "proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return _explain_apparmor(program, root)
    if _read(root / "proc/sys/kernel/unprivileged_userns_clone") == "0":
        return "user namespaces are switched off: run `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
    if _read(root / "proc/sys/user/max_user_namespaces") == "0":
        return "user namespaces are switched off: run `sudo sysctl -w user.max_user_namespaces=15000`"
    return (
        "if this is a container, start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
        "--security-opt systempaths=unconfined`; otherwise let your kernel create user namespaces"
    )


def _explain_apparmor(program: str, root: Path) -> str:
    """Return the profile to load: two for one program would cancel each other out, so an existing one is named."""
    why = "AppArmor lets no program without a profile create user namespaces (the default since Ubuntu 24.04). "
    less = "Or lift the limit for all programs: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
    folder = root / "etc/apparmor.d"
    for file in sorted(folder.glob("*")) if folder.is_dir() else []:
        if program in _read(file):
            return f"{why}A profile for {program} is there: load it with `sudo apparmor_parser -r {file}`. {less}"
    file = folder / "meta-bwrap"
    text = shlex.quote(_PROFILE.format(name="meta-bwrap", program=program).replace("\n", "\\n"))
    return f"{why}Give it one: `printf %b {text} | sudo tee {file} && sudo apparmor_parser -r {file}`. {less}"


def _read(file: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return file.read_text().strip()
    return ""
