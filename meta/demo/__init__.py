"""The whole loop on a small repository with a history, and a stand-in for the model: no key, no network."""
