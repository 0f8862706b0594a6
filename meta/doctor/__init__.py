"""Checks this machine and the settings; it changes nothing.

`machine_checks` yields one `MachineCheck` after the other; for the sandbox it tries the ways out in `breakout`, each
run as a worker's command would be. To add a check, yield it in `check_machine`; to add a way out, add a probe.
"""
