"""Runs the gate over stdin and stdout, as described in `docs/gate.md`."""

from meta.gate.__main__ import speak_gate_protocol

speak_gate_protocol()
