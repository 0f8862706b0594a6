"""How the agent's pull requests ended, and why.

`ingest` reads each source of meta.toml into runs.db, from where it stopped the last time, and writes down every outcome
before it asks for the next. A rule of `feedback` names the cause where it can; where none could, `model_causes` asks
the model, and takes its word only with a quotation that proves it.

To add a source, implement `feedback.source.FeedbackSource` and yield it in `ingest.open_sources`; nothing else here
knows one source from another.
"""
