"""Where replayable tickets come from, and why each can be trusted."""
