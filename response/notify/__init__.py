"""How people are told: one file for each channel, and the outbox that sees to it that everything is told at least once."""
