"""The commands of `meta`, by topic. Nothing slow is imported at the top of these files."""
