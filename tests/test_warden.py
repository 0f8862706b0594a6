"""The thread that ends jobs which use too much goes on, whatever becomes of one of them."""

import subprocess
import sys
import time
from pathlib import Path

from worker_agent.sandbox.warden import CHECK_SECONDS, Warden


def started(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def test_a_folder_that_is_gone_leaves_the_other_jobs_watched(tmp_path: Path) -> None:
    warden = Warden()
    gone, here = tmp_path / "gone", tmp_path / "here"
    gone.mkdir()
    here.mkdir()
    first = started("import time; time.sleep(60)")
    warden.watch(first, processes=9, memory_mb=10_000, disk_mb=100, folders=[gone])
    gone.rmdir()
    time.sleep(3 * CHECK_SECONDS)
    greedy = started("import time; held = bytearray(200 << 20); time.sleep(60)")
    warden.watch(greedy, processes=9, memory_mb=50, disk_mb=100, folders=[here])
    try:
        assert greedy.wait(timeout=20) == -9
        assert first.poll() is None
    finally:
        for process in (first, greedy):
            warden.unwatch(process)
            process.kill()
            process.wait()
