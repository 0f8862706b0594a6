"""What reviewers did with the agent's pull requests. A leaf: it knows neither `meta` nor `worker_agent`."""
