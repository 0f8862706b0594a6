"""What could be tried besides new edits: earlier edits together, and other settings of the agent.

`space` lists what there is to choose from, `study` asks Optuna for a choice and keeps its trials in runs.db,
`suggestions` makes ordinary candidates of the choices and tells the study how each did in its race (`race_record`), in
success and cost as one number (`worth`). The study never hears what the gate saw.

To add a setting, give it a list in `meta.settings.SearchSettings` and a line in `space.space_of`.
"""
