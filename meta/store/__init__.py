"""runs.db: everything `meta` knows. One writer at a time; readers at any time."""
