"""DOCSTRING worker_agent.sandbox."""
