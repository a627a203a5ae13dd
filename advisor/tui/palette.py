"""What the palette offers: every action that counts on the screen over which it was opened."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen, SystemModalScreen

QUIT = "Quit"
"""Textual's own; ours say what becomes of the run."""


def covered(app: App[Any]) -> bool:
    """Tell whether a page lies over the first screen. The palette is none: it offers what counts below it."""
    return sum(not isinstance(one, SystemModalScreen) for one in app.screen_stack) > 1


def commands(app: App[Any], screen: Screen[Any], usual: Iterable[SystemCommand]) -> Iterator[SystemCommand]:
    """Yield Textual's usual commands, then the actions of the app and of a screen by their names, each once."""
    yield from (one for one in usual if one.title != QUIT)
    known: set[str] = set()
    for active in screen.active_bindings.values():
        bound, said = active.binding, active.binding.description
        ours = active.node is app or (active.node is screen and bound.show)  # not what moves the focus in every screen
        if ours and said and not bound.system and said not in known:
            known.add(said)
            does = partial(app.run_action, bound.action, default_namespace=active.node)
            yield SystemCommand(said, f"key {app.get_key_display(bound)}", does)
