"""Keep blocks in memory, for tests and small studies."""

from dataclasses import dataclass, field

from jeonju.simulator.block import Block


@dataclass
class MemorySink:
    """Collects every block."""

    blocks: list[Block] = field(default_factory=list)

    def send(self, block: Block) -> None:
        """Append the block."""
        self.blocks.append(block)

    def close(self) -> None:
        """Nothing to finish."""
