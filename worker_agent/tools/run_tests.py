import os
import subprocess


def run_tests(arguments: str = "") -> str:
    """Run the repository's tests. Returns exit code and output.

    Args:
        arguments: extra arguments for the test command, such as a test file or `-k name`; empty: run all tests
    """
    command = f"{os.environ['WORKER_TEST_COMMAND']} {arguments}"
    limit = float(os.environ.get("WORKER_COMMAND_SECONDS", "300")) * 0.9
    try:
        done = subprocess.run(
            command,
            shell=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as late:
        return f"stopped after {limit:g} s\n{(late.stdout or b'').decode('utf-8', 'replace')}"
    return f"exit code {done.returncode}\n{done.stdout.decode('utf-8', 'replace')}"
