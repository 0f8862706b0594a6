"""Leads a port of the sandbox's loopback to a unix socket while a command runs.

    python forward.py PORT SOCKET COMMAND...

It runs inside the sandbox, on whatever Python the environment is for.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def serve(server: socket.socket, path: str) -> None:
    while True:
        near = server.accept()[0]
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(path)
        except OSError:
            near.close()
            continue
        for pair in ((near, far), (far, near)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
threading.Thread(target=serve, args=(server, sys.argv[2]), daemon=True).start()
code = subprocess.call(sys.argv[3:])
os._exit(code if code >= 0 else 128 - code)
