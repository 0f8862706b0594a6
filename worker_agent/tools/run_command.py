import os
import subprocess


def run_command(command: str) -> str:
    """Run a shell command in the repository's root, without network. Returns exit code and output.

    Args:
        command: the command line, run by sh
    """
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
