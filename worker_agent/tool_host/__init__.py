"""DOCSTRING worker_agent.tool_host."""
