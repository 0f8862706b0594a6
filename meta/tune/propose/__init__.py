"""Who writes candidate edits: one question to a model, or an agent that edits the surface with tools."""
