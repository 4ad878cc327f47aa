"""Robots that go and look: which is sent, where it looks, what keeps it safe, and what fleet control tells it in VDA 5050."""
