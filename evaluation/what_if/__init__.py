"""What if: forks of the living city, run in a process of their own, and kept beside what then happened."""
