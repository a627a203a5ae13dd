"""Wishes: what people ask of a run, one file a viewer, written by the viewer and read by the driver."""

from collections import Counter
from collections.abc import Iterable

from pydantic import ValidationError

from advisor.ledger import Entry, Wished
from advisor.runs import Run
from trainer.journal import JournalReader, JournalWriter


class WishReader:
    """Reads the wishes of all viewers, each line once.

    The ledger says how many wishes of each viewer an earlier driver has heard; those are not heard again.
    """

    def __init__(self, run: Run, ledger: Iterable[Entry] = ()) -> None:
        self._folder = run.wishes
        self._heard = Counter(entry.viewer for entry in ledger if isinstance(entry, Wished))
        self._readers: dict[str, JournalReader] = {}

    def read(self) -> list[Wished]:
        """Return the new wishes. A line that is no wish counts as one that wishes nothing."""
        wishes: list[Wished] = []
        for path in sorted(self._folder.glob("*.jsonl")):
            viewer = path.stem
            reader = self._readers.setdefault(viewer, JournalReader(path))
            for line in reader.read():
                wish = _read(line, viewer)
                if self._heard[viewer] > 0:
                    self._heard[viewer] -= 1
                else:
                    wishes.append(wish)
        return wishes


def send_wish(run: Run, wish: Wished) -> None:
    """Append a wish to its viewer's file.

    Raises:
        OSError: when the file cannot be opened.
        JournalHeld: when another process writes wishes under the same viewer's name.
    """
    run.wishes.mkdir(exist_ok=True)
    writer = JournalWriter(run.wishes / f"{wish.viewer}.jsonl")
    try:
        writer.append(wish.model_dump_json())
    finally:
        writer.close()


def _read(line: str, viewer: str) -> Wished:
    try:
        wish = Wished.model_validate_json(line)
    except ValidationError:
        return Wished(wish="", viewer=viewer)
    return wish.model_copy(update={"viewer": viewer})
