"""One unattended night: within its budget, taken up after whatever happens, with an account for the morning."""
