"""`python -m meta.tune.gate`: the gate over stdin and stdout, as `docs/gate.md` describes it."""

from meta.gate.__main__ import speak_gate_protocol

speak_gate_protocol()
