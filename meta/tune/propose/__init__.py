"""Gets candidate edits from a model, and checks each before any replay.

`collection` gathers `evidence` (failed replays, feedback by cause, what was tried before), asks the proposer, and has
`edit_check` check each draft: does it stay on the surface, give a ticket away (`leaks`), repeat an earlier edit
(`repetition`), load, and do its tools answer (`tool_trial`)? A draft with an objection goes back to its author once.

There are three proposers: `rewrite` asks one question and parses the answer with `draft_format`; `editing_agent` edits
the surface with tools in a sandbox; `one_sentence` is for models too small for either. To add one, write a class with
the two methods of `proposer.Proposer`, give it a name in `meta.settings.ProposerSettings.style`, and build it in
`meta.app.App.proposer`.
"""
