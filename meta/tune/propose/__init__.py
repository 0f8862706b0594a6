"""Candidate edits: who writes them, what they see, and what an edit must be before a replay is spent on it.

`collection` gathers `evidence` (failed replays, feedback by cause, what was tried before), asks the proposer, and has
`edit_check` look at each draft: does it stay on the surface, give a ticket away (`leaks`), repeat an earlier edit
(`repetition`), load, and do its tools answer (`tool_trial`)? A draft with an objection goes back to its author once.

There are three proposers: `rewrite` asks one question and reads the answer by `draft_format`; `editing_agent` edits the
surface with tools in a sandbox; `one_sentence` is for models too small for either. To add one, write a class with the
two methods of `proposer.Proposer`, give it a name in `meta.settings.ProposerSettings.style`, and build it in
`meta.app.App.proposer`.
"""
