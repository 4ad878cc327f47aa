"""The `jeonju` command."""


def main() -> None:
    """Run the command line."""
