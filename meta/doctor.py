"""What is missing here, each with the fix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from meta.context import Context
from meta.errors import MetaError
from worker_agent.surface import BadSurface


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    good: bool
    what: str
    do: str = ""


def examine(context: Context) -> Iterator[Finding]:
    """Look at programs, sandbox, the agent's repository, the model's service and the repositories of meta.toml."""
    for program in ("git", "prlimit"):
        found = shutil.which(program)
        yield Finding(bool(found), f"{program}: {found or 'missing'}", "" if found else f"install {program}")
    yield _sandbox(context)
    try:
        version = context.versions.head()
        yield Finding(True, f"agent: version {version.id[:10]} in {context.settings.agent_repository}")
    except (MetaError, BadSurface) as error:
        yield Finding(False, f"agent: {error}", getattr(error, "do", "mend the file and commit it"))
    yield _model(context)
    for repository in context.settings.repositories:
        path = context.settings.root / repository.path
        good = path.is_dir()
        yield Finding(good, f"repository: {path}", "" if good else "clone it there, or mend meta.toml")


def _sandbox(context: Context) -> Finding:
    """Try to read a file outside, to see the parent's variables, and to reach the network, from inside."""
    import sys
    import tempfile
    from pathlib import Path

    from worker_agent.sandbox import Job, SandboxLimits, interpreter_mounts, run

    try:
        sandbox = context.sandbox
    except MetaError as error:
        return Finding(False, f"sandbox: {error.message}", error.do)
    probe = (
        "import os,socket;bad=[]\n"
        "bad+=['files outside']*os.path.exists('/etc/shadow')\n"
        "bad+=['variables of this process']*(b'META_DOCTOR_CANARY' in open('/proc/1/environ','rb').read())\n"
        "s=socket.socket();s.settimeout(2)\n"
        "bad+=['the network']*(len(os.listdir('/sys/class/net') if os.path.exists('/sys/class/net') else ['lo'])>1)\n"
        "try: open('/usr/canary','w');bad.append('writing outside')\n"
        "except OSError: pass\n"
        "print(', '.join(bad) or 'nothing')"
    )
    os.environ["META_DOCTOR_CANARY"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        job = Job([os.path.realpath(sys.executable), "-I", "-S", "-c", probe], Path(folder), interpreter_mounts(),
                  limits=SandboxLimits(seconds=20))  # fmt: skip
        reached = run(sandbox, job).output.strip()
    del os.environ["META_DOCTOR_CANARY"]
    good = reached == "nothing"
    return Finding(good, f"sandbox: {sandbox.name}, from inside one reaches {reached}", "" if good else "do not use it")


def _model(context: Context) -> Finding:
    endpoint = context.settings.worker_endpoint()
    key = bool(os.environ.get(endpoint.key_variable))
    if not endpoint.model:
        return Finding(False, "model: none is named", "set worker.model in meta.toml, or ANTHROPIC_MODEL")
    if not key and not endpoint.base_url:
        return Finding(False, f"model: {endpoint.model}, but no key", f"export {endpoint.key_variable}=...")
    return Finding(True, f"model: {endpoint.model} at {endpoint.base_url or 'Anthropic'}")
