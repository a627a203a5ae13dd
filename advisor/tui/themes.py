"""The colours: a calm dark theme, a light one, one for the colour-blind, one without colour and one of sixteen."""

from collections.abc import Mapping

from textual.theme import BUILTIN_THEMES, Theme

CALM = Theme(
    name="calm",
    primary="#7aaedb",
    secondary="#e2b671",
    accent="#b9a1e3",
    success="#86c294",
    warning="#e2b671",
    error="#e58383",
    foreground="#d3d8e0",
    background="#13161b",
    surface="#13161b",
    panel="#222833",
    dark=True,
    variables={"rule": "#333b48", "faint": "#4d586a", "muted": "#8b95a5", "raw": "#34506b", "shade": "#2a2d3d"},
)
PAPER = Theme(
    name="paper",
    primary="#1f6aa5",
    secondary="#a05a00",
    accent="#7046b0",
    success="#2c7a3f",
    warning="#a05a00",
    error="#b3261e",
    foreground="#24292f",
    background="#fbfaf7",
    surface="#fbfaf7",
    panel="#ebe8e1",
    dark=False,
    variables={"rule": "#d5d0c5", "faint": "#b3ada0", "muted": "#6a6459", "raw": "#a9c6de", "shade": "#e6e0ef"},
)
COLOUR_BLIND = Theme(
    name="colour-blind",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#cc79a7",
    success="#009e73",
    warning="#f0e442",
    error="#d55e00",
    foreground="#e6e6e6",
    background="#121212",
    surface="#121212",
    panel="#262626",
    dark=True,
    variables={"rule": "#3a3a3a", "faint": "#5c5c5c", "muted": "#9a9a9a", "raw": "#2b5d7a", "shade": "#33282f"},
)
"""Okabe and Ito's palette (jfly.uni-koeln.de/color)."""
MONOCHROME = Theme(
    name="monochrome",
    primary="#e0e0e0",
    secondary="#b0b0b0",
    accent="#ffffff",
    success="#e0e0e0",
    warning="#f4f4f4",
    error="#ffffff",
    foreground="#d0d0d0",
    background="#101010",
    surface="#101010",
    panel="#2a2a2a",
    dark=True,
    variables={"rule": "#3c3c3c", "faint": "#606060", "muted": "#989898", "raw": "#5c5c5c", "shade": "#2a2a2a"},
)

SIXTEEN = Theme(
    name="sixteen colours",
    primary="#00ffff",
    secondary="#ffff00",
    accent="#ff00ff",
    success="#00ff00",
    warning="#ffff00",
    error="#ff0000",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#0000aa",
    dark=True,
    variables={"rule": "#555555", "faint": "#555555", "muted": "#aaaaaa", "raw": "#00aaaa", "shade": "#555555"},
)
"""A terminal of 16 colours takes the nearest one that it has: of a calm theme's soft colours that is white for nearly all."""

THEMES = (CALM, PAPER, COLOUR_BLIND, MONOCHROME, SIXTEEN)


def our_theme(name: str) -> Theme | None:
    """Return our theme of this name.

    An app asks for it before it has registered any: Textual makes the colours of `TEXTUAL_THEME` when an app is made, and
    does not make them anew when the same theme is set again.
    """
    return next((theme for theme in THEMES if theme.name == name), None)


def first_theme(colours: str | None, environment: Mapping[str, str]) -> str:
    """Return the name of the theme to begin with: the environment's, else one that the terminal can show.

    Args:
        colours: What rich calls the colours of the terminal: `standard` are 16.
        environment: Its `TEXTUAL_THEME` names the theme that a person wants to keep.
    """
    wanted = environment.get("TEXTUAL_THEME", "")
    if wanted in {*BUILTIN_THEMES, *(theme.name for theme in THEMES)}:
        return wanted
    return SIXTEEN.name if colours == "standard" else CALM.name


DEFAULTS = {"rule": "#444444", "faint": "#666666", "muted": "#999999", "raw": "#446688", "shade": "#333344"}
"""Values of our own variables in themes that are not ours."""
