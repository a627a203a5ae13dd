"""Writing behind the training: one thing at a time, in a thread of its own, from a copy that nothing else touches."""

from collections.abc import Callable
from threading import Thread
from time import perf_counter


class Behind:
    """A deed that is done beside the training; what it raises is raised where it is waited for."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._failed: BaseException | None = None
        self._tell: Callable[[float], None] = lambda _: None
        self._seconds = 0.0

    @property
    def busy(self) -> bool:
        """Whether something is still being done."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, deed: Callable[[], None], tell: Callable[[float], None]) -> None:
        """Begin a deed; the one before must have been settled.

        Args:
            deed: Runs in the thread.
            tell: Runs where the deed is settled, with the seconds that it took.
        """

        def run() -> None:
            begun = perf_counter()
            try:
                deed()
            except BaseException as failed:
                self._failed = failed
            self._seconds = perf_counter() - begun

        self._tell, self._failed = tell, None
        self._thread = Thread(target=run, name="writing behind")
        self._thread.start()

    def settle(self) -> None:
        """Wait until nothing is being done any more, and tell what was done."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join()
        if self._failed is not None:
            raise self._failed
        self._tell(self._seconds)
