"""Would this change be merged as it is? What reviewers object to and tests do not see, as deterministic checks."""
