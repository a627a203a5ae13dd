"""Pictures of single examples, as they came over the wire, in a form that a page can hold."""

import base64
import binascii
import io

from PIL import Image

from trainer.words import Picture

MODES = {1: "L", 3: "RGB"}
"""Channels of a picture → how Pillow calls them."""


def data_uri(picture: Picture) -> str:
    """Return a picture as a data URI of a PNG; empty where its bytes are not what it says."""
    try:
        pixels = base64.b64decode(picture.pixels, validate=True)
        image = Image.frombytes(MODES[picture.channels], (picture.width, picture.height), pixels)
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
    except (KeyError, ValueError, SystemError, binascii.Error):
        return ""
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
