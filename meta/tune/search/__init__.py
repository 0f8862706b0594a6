"""Searches beyond new edits: combinations of earlier ones, and other settings.

`space` lists the choices, and `study` asks Optuna for one and keeps its trials in runs.db. `suggestions` turns choices
into ordinary candidates and tells the study how each did in its race (`race_record`), with success and cost as one
number (`worth`). The study never learns what the gate saw.

To add a setting, give it a list in `meta.settings.SearchSettings` and a line in `space.space_of`.
"""
