"""The one way in which a model cannot be had."""


class ModelError(Exception):
    """The model cannot be built; the text says why and what to do."""
