"""The start-up check that the three floors are ours: `rules` and `trainer` are names of other packages too."""

from importlib import import_module

FLOORS = ("advisor", "rules", "trainer")


class StrangerFound(Exception):
    """A package of a floor's name is somebody else's; the text names the stranger."""


def check_floors() -> None:
    """Make sure that each floor bears our mark.

    Raises:
        StrangerFound: when one does not, or is not there.
    """
    for name in FLOORS:
        try:
            floor = import_module(name)
        except ImportError:
            raise StrangerFound(
                f"the package {name!r} is not there: reinstall training-advisor (pip install --force-reinstall)"
            ) from None
        if getattr(floor, "FLOOR_MARK", "") != f"training-advisor/{name}":
            place = getattr(floor, "__file__", None) or next(iter(getattr(floor, "__path__", ["an unknown place"])))
            raise StrangerFound(
                f"the package {name!r} at {place} is not ours but a stranger's: uninstall it, then reinstall"
                " training-advisor in an environment of its own"
            )
