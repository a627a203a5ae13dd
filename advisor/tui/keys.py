"""The keys of the main screen and what they do."""

from textual.binding import Binding, BindingType

from advisor.tui.overview import PANES

KEYS: list[BindingType] = [
    Binding("a", "apply", "apply"),
    Binding("x", "veto", "veto"),
    Binding("u", "undo", "undo"),
    Binding("w", "why", "why"),
    Binding("l", "ledger", "ledger"),
    Binding("k", "knobs", "knobs"),
    Binding("r", "report", "report"),
    Binding("F", "findings", "findings of every rule", show=False),
    Binding("i", "data", "data", show=False),
    Binding("o", "log", "log", show=False),
    Binding("slash", "log(True)", "filter the log", show=False),
    Binding("space", "pause", "pause or go on", show=False),
    Binding("f", "freeze", "freeze or thaw the advisor", show=False),
    Binding("s", "stop", "stop the run", show=False),
    Binding("c", "crosshair", "crosshair", show=False),
    Binding("escape", "crosshair(False)", "take the crosshair away", show=False),
    Binding("left", "crosshair_move(-1)", "crosshair back", show=False),
    Binding("right", "crosshair_move(1)", "crosshair on", show=False),
    Binding("shift+left", "crosshair_move(-10)", "crosshair far back", show=False),
    Binding("shift+right", "crosshair_move(10)", "crosshair far on", show=False),
    Binding("comma", "step(-1)", "a record back in the replay", show=False),
    Binding("full_stop", "step(1)", "a record on in the replay", show=False),
    Binding("left", "scrub(-1)", "back", key_display="←"),
    Binding("right", "scrub(1)", "on", key_display="→"),
    Binding("plus,equals_sign", "speed(2.0)", "faster replay", show=False),
    Binding("minus", "speed(0.5)", "slower replay", show=False),
    Binding("z", "zoom", "zoom the charts", show=False),
    Binding("y", "scale", "scale of the chart", show=False),
    *(Binding(str(place), f"pane('{name}')", f"pane: {name}", show=False) for place, name in enumerate(PANES, 1)),
    Binding("d", "detach", "detach"),
    Binding("ctrl+q", "detach", "quit", show=False, priority=True),
    Binding("question_mark,f1", "help", "help", key_display="?"),
]
"""Those that are shown stand in the footer, in this order; the palette and the help page have all."""

ACTIONS = frozenset(binding.action.partition("(")[0] for binding in KEYS if isinstance(binding, Binding))
"""What the keys do, by name."""
