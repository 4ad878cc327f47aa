"""Quality flags: which value is not to be trusted, and why. Values are never changed; one file per rule, `checks.py` runs them all."""
