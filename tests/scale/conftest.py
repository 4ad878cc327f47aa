"""Three real nodes on this machine, for all tests of one process."""

from collections.abc import Iterator

import pytest

from chaos.nodes import Nodes


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Whoever kills one starts it again."""
    with Nodes(tmp_path_factory.mktemp("nodes")) as running:
        yield running
