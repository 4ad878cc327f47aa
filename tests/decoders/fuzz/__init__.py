"""Structure-aware fuzzing of all wire formats: valid messages are made and changed, and what reaches new code is kept as a corpus."""
