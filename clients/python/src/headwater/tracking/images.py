"""log_image: an image of PIL, or an array, as a file of the run. Arrays become PNG without any package but numpy."""

import posixpath
import struct
import time
import uuid
import zlib
from typing import Any

from headwater.errors import InvalidArgument
from headwater.tracking.files import module, put

# By the number of channels, as PNG numbers them.
_COLOURS = {1: 0, 3: 2, 4: 6}


def log_image(
    image: Any,
    artifact_file: str = "",
    *,
    key: str = "",
    step: int = 0,
    timestamp: int | None = None,
    run_id: str = "",
) -> None:
    """Logs an image: of PIL, or an array (height, width) or (height, width, 1 | 3 | 4) of bytes or of 0 … 1.

    Either artifact_file names the file, or key and step place it in images/ as mlflow's clients do.
    Raises InvalidArgument.
    """
    if bool(artifact_file) == bool(key):
        raise InvalidArgument("name the image by artifact_file or by key and step", field="artifact_file")
    if key:
        at = int(time.time() * 1000) if timestamp is None else timestamp
        name = key.replace("/", "~")
        artifact_file = f"images/{name}+step+{step}+timestamp+{at}+{uuid.uuid4()}.png"
    suffix = (posixpath.splitext(artifact_file)[1][1:] or "png").lower()
    if hasattr(image, "to_pil_image"):
        image = image.to_pil_image()
    if hasattr(image, "save") and hasattr(image, "mode"):
        kind = "JPEG" if suffix == "jpg" else suffix.upper()
        put(run_id, artifact_file, lambda place: image.save(place, format=kind))
        return
    if suffix != "png":
        raise InvalidArgument(
            f"an array is logged as .png, not .{suffix}", field="artifact_file", hint="or give an image of PIL"
        )
    data = png(image)
    put(run_id, artifact_file, lambda place: place.write_bytes(data))


def png(image: Any) -> bytes:
    """The PNG of an array. Raises InvalidArgument."""
    pixels = _bytes(image)
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _bytes(image: Any) -> Any:
    """(height, width, channels) of uint8."""
    array = module("numpy", "pip install numpy").asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in _COLOURS or not array.size:
        raise InvalidArgument(
            f"image has the shape {array.shape}, not (height, width) or (height, width, 1, 3 or 4)", field="image"
        )
    if array.dtype == bool:
        return array.astype("uint8") * 255
    most = 1 if array.dtype.kind == "f" else 255
    if array.dtype.kind not in "fiu" or not (array.min() >= 0 and array.max() <= most):
        raise InvalidArgument(
            "image: its values must lie within 0 and 255, or as floats within 0 and 1", field="image", hint="scale them"
        )
    return (array * 255).round().astype("uint8") if most == 1 else array.astype("uint8")
