"""Tries the ways out of the sandbox, each as a worker's command would."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from worker_agent.sandbox.job import Sandbox, SandboxJob, SandboxLimits, interpreter_mounts
from worker_agent.sandbox.process import run_job

CANARY_VARIABLE = "META_DOCTOR_CANARY"

_LIMITS = SandboxLimits(seconds=20.0, memory_mb=512, processes=32, file_mb=16, disk_mb=48)


@dataclass(frozen=True)
class BreakoutAttempt:
    """One way out: whether the sandbox held, and what was seen if it did not."""

    what: str
    held: bool
    seen: str = ""


def try_breakouts(sandbox: Sandbox) -> Iterator[BreakoutAttempt]:
    """Try every way out.

    A probe prints OUT when it got through, and IN when it saw that it did not.
    """
    os.environ[CANARY_VARIABLE] = "1"
    try:
        with tempfile.TemporaryDirectory(prefix="doctor-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
            root = Path(folder)
            (root / "other").mkdir()
            (root / "other" / "secret").write_text("secret")
            (root / "workspace").mkdir()
            for what, code in _probes(root, server.getsockname()[1]).items():
                job = SandboxJob(
                    [os.path.realpath(sys.executable), "-I", "-S", "-c", code],
                    root / "workspace",
                    interpreter_mounts(),
                    limits=_LIMITS,
                )
                done = run_job(sandbox, job)
                last = (done.output.strip().splitlines() or [""])[-1]
                killed = done.returncode < 0 or done.returncode > 128
                # A bomb that was stopped has nothing to say; any other probe has to say that it saw the wall.
                held = last == "IN" or (
                    what in _BOMBS and "OUT" not in done.output and (killed or done.returncode == 1)
                )
                yield BreakoutAttempt(what, held, done.output.strip()[-200:])
            (root / "workspace" / "left").unlink(missing_ok=True)
            slow = SandboxJob(["sleep", "20"], root / "workspace", limits=replace(_LIMITS, seconds=0.5))
            yield BreakoutAttempt("limit on time", run_job(sandbox, slow).timed_out)
    finally:
        del os.environ[CANARY_VARIABLE]


_BOMBS = ("limit on processes", "limit on memory", "limit on file size", "limit on disk")


def _probes(root: Path, port: int) -> dict[str, str]:
    told = "print('OUT' if out else 'IN')"
    return {
        "network": (
            f"import socket\nout = False\ntry:\n    socket.create_connection(('127.0.0.1', {port}), 2)\n    out = True\n"
            f"except OSError:\n    pass\n{told}"
        ),
        "variables of this process": (
            "import os\nfound = str(dict(os.environ)).encode()\n"
            "for name in filter(str.isdigit, os.listdir('/proc')):\n    try:\n"
            "        found += open(f'/proc/{name}/environ', 'rb').read()\n    except OSError:\n        pass\n"
            f"out = {CANARY_VARIABLE!r}.encode() in found\n{told}"
        ),
        "other processes": (
            "import os\nnames = b''\nfor name in filter(str.isdigit, os.listdir('/proc')):\n    try:\n"
            "        names += open(f'/proc/{name}/cmdline', 'rb').read()\n    except OSError:\n        pass\n"
            f"out = len(list(filter(str.isdigit, os.listdir('/proc')))) > 8\n{told}"
        ),
        "files outside": (
            f"import os\nout = os.path.exists('/etc/shadow') or os.path.exists({str(root / 'other')!r})\n{told}"
        ),
        "other workspaces": (
            "import os, pathlib\nout = any(p.name == 'secret' for p in pathlib.Path('..').resolve().glob('*/*'))\n"
            f"{told}"
        ),
        "writing outside": (
            "import os\nout = False\nfor place in ('/usr/canary', '/etc/canary', '/canary'):\n    try:\n"
            f"        open(place, 'x')\n        os.remove(place)\n        out = True\n    except OSError:\n        pass\n{told}"
        ),
        "capabilities": (
            "lines = open('/proc/self/status').read().splitlines()\n"
            f"out = any(int(l.split()[1], 16) for l in lines if l.startswith(('CapEff', 'CapPrm')))\n{told}"
        ),
        "limit on processes": (
            "import os, time\nmade = 0\ntry:\n    for _ in range(80):\n        if not os.fork():\n"
            "            time.sleep(5)\n            os._exit(0)\n        made += 1\nexcept OSError:\n    pass\n"
            f"time.sleep(1)\nout = made == 80\n{told}"
        ),
        "limit on memory": "try:\n    x = b'x' * (700 << 20)\n    print('OUT')\nexcept MemoryError:\n    print('IN')",
        "limit on file size": (
            "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\ntry:\n"
            "    with open('left', 'wb') as f:\n        f.write(b'x' * (32 << 20))\n    print('OUT')\n"
            "except OSError:\n    print('IN')"
        ),
        "limit on disk": (
            "import time\nfor n in range(100):\n    open(f'part{n}', 'wb').write(b'x' * (1 << 20))\n    time.sleep(.01)\n"
            "time.sleep(1)\nprint('OUT')"
        ),
    }
