"""What is missing on this machine or in the settings, each with the fix. Changes nothing; only commands use it.

`machine_checks` yields one `MachineCheck` after the other; for the sandbox it tries the ways out in `breakout`, each
run as a worker's command would be. To add a check, yield it in `check_machine`; to add a way out, add a probe.
"""
