"""Thumbnails of the images whose labels are suspect, taken from the user's folder while it is there."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

SIDE = 56
"""Pixels: enough to see what it is; 25 of them are some 60 kB."""
LARGEST_BYTES = 32 << 20
"""Of a file: a larger one is not worth the wait."""
FOLDER = "images:"


def with_thumbnails(suspects: list[dict[str, Any]], config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return suspect labels, each with its `thumbnail` as a data URI where its image can be read.

    Args:
        suspects: `example` is the path of the image inside its folder.
        config: Of the run; `data.source` names the folder.
    """
    source = str((config.get("data") or {}).get("source") or "")
    if not source.startswith(FOLDER):
        return suspects
    folder = Path(source.removeprefix(FOLDER)).resolve()
    return [one | _shown(folder, str(one["example"])) for one in suspects]


def _shown(folder: Path, example: str) -> dict[str, str]:
    try:
        path = (folder / example).resolve()
        if not path.is_relative_to(folder) or path.stat().st_size > LARGEST_BYTES:
            return {}
        with Image.open(path) as image:
            image.thumbnail((SIDE, SIDE))
            small = image.convert("RGB")
        file = io.BytesIO()
        small.save(file, "PNG" if small.width * small.height < 1024 else "JPEG")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {}
    kind = "png" if small.width * small.height < 1024 else "jpeg"
    return {"thumbnail": f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"}
