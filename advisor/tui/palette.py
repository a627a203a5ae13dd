"""What the palette offers: every action that counts on the screen over which it was opened."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen, SystemModalScreen


def covered(app: App[Any]) -> bool:
    """Tell whether a page lies over the first screen. The palette is none: it offers what counts below it."""
    return sum(not isinstance(one, SystemModalScreen) for one in app.screen_stack) > 1


def commands(app: App[Any], screen: Screen[Any]) -> Iterator[SystemCommand]:
    """Yield the actions of the app and of a screen by their names, each once."""
    known: set[str] = set()
    for active in screen.active_bindings.values():
        said = active.binding.description
        if active.node in (app, screen) and said and not active.binding.system and said not in known:
            known.add(said)
            does = partial(app.run_action, active.binding.action, default_namespace=active.node)
            yield SystemCommand(said, f"key {app.get_key_display(active.binding)}", does)
