"""The services put together."""
