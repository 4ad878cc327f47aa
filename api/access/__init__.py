"""Who may do what over HTTP: keys with roles, limits on how often, and what is written down of it."""
