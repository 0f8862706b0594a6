"""What else could be tried: earlier edits together, and other settings, suggested by an Optuna study in runs.db."""
