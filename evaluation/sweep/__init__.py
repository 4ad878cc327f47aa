"""Many runs of one scenario, each with other weather, another place or another strength: how often and how soon a network notices."""
