"""Scores against measurements that others made; `docs/validation.md` says what they mean."""
