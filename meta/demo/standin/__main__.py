"""Serves the stand-in: `python -m meta.demo.standin --port P --seed S`."""

from __future__ import annotations

import argparse

from meta.demo.standin.server import StandIn


def run_server() -> None:
    parser = argparse.ArgumentParser(prog="python -m meta.demo.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--seed", type=int, default=0, help="seed of its luck (default: %(default)s)")
    args = parser.parse_args()
    with StandIn(args.seed, args.port) as server:
        print(f"the stand-in for the model is listening at {server.base_url}; Ctrl-C stops it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    run_server()
