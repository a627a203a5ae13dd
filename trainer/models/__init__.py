"""Networks by name: built from the configuration and the shapes of the data alone."""

from trainer.models.build import ModelError, build_model

__all__ = ["ModelError", "build_model"]
