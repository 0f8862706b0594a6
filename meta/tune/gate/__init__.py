"""When a change is kept: a test of candidate against incumbent that is right however often one looks.

A room of its own: pure standard library, no input or output, no clock. `docs/gate.md` says what it promises.
"""

from .audit import AuditError, recompute, resume
from .gate import FEW_TICKETS, Gate
from .pool import Pool, PoolEmptied, Trial, beliefs_after
from .power import Power, power
from .presets import Preset, StrictTier, e_lond, preset, small_set
from .records import Arm, Bet, Decision, GateConfig, GateRecord, PassRecord, Request

__all__ = [
    "FEW_TICKETS",
    "Arm",
    "AuditError",
    "Bet",
    "Decision",
    "Gate",
    "GateConfig",
    "GateRecord",
    "PassRecord",
    "Pool",
    "PoolEmptied",
    "Power",
    "Preset",
    "Request",
    "StrictTier",
    "Trial",
    "beliefs_after",
    "e_lond",
    "power",
    "preset",
    "recompute",
    "resume",
    "small_set",
]
