"""What an attacker does to a running platform, on loopback only: each attempt, and whether the platform held."""
