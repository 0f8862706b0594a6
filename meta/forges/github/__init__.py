"""What goes out to GitHub: the worker's pull requests, and proposals as pull requests on the agent's repository."""
