"""Who shows a run while it goes on."""

from typing import Protocol

from advisor.ledger import Entry
from trainer.wire import Event


class Onlooker(Protocol):
    """Sees what the driver sees; it must never fail and never take long."""

    def hear(self, event: Event) -> None:
        """Take in an event of the trainer."""
        ...

    def enter(self, entry: Entry) -> None:
        """Take in an entry of the ledger."""
        ...

    def tick(self) -> None:
        """Use the time between two looks at the files."""
        ...


class Nobody:
    """Nobody looks on."""

    def hear(self, event: Event) -> None:
        """Let it pass."""

    def enter(self, entry: Entry) -> None:
        """Let it pass."""

    def tick(self) -> None:
        """Do nothing."""
