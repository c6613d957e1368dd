"""Image: PNG, JPEG, GIF or WebP bytes, a PIL image or a Matplotlib figure, embedded in the card."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

from headwater.cards.component import UserComponent, problem
from headwater.cards.components import type_name
from headwater.cards.html import Html, tag

_DATA = re.compile(r"^data:image/(png|jpeg|jpg|gif|webp|bmp);base64,[A-Za-z0-9+/=\s]+$")
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
)


class Image(UserComponent):
    """An image: Image(png_bytes, label="…"), Image.from_matplotlib(figure), Image.from_pil_image(image).

    src: bytes of an image file, or a data URI. What cannot be shown gives a box that says why.
    """

    def __init__(self, src: bytes | str | None = None, label: str | None = None, disable_updates: bool = True) -> None:
        if disable_updates:
            self.REALTIME_UPDATABLE = False
        self._label = label
        self._src = ""
        self._problem = ""
        self._show(src)

    @classmethod
    def from_pil_image(cls, pilimage: Any, label: str | None = None, disable_updates: bool = False) -> Image:
        return cls._made(pilimage, label, disable_updates, "PIL Image")

    @classmethod
    def from_matplotlib(cls, plot: Any, label: str | None = None, disable_updates: bool = False) -> Image:
        """plot: a figure, or axes."""
        return cls._made(plot, label, disable_updates, "Matplotlib plot")

    def update(self, image: Any, label: str | None = None) -> None:
        """image: bytes, a data URI, a PIL image, a figure or axes."""
        if not self.REALTIME_UPDATABLE:
            raise NotImplementedError("this Image was made with disable_updates=True")
        self._label = label if label is not None else self._label
        self._show(image)

    def render(self) -> Html:
        if self._problem:
            return problem(f"[IMAGE_RENDER FAIL]: {self._problem}")
        caption = tag("figcaption", self._label) if self._label else ""
        return tag("figure", tag("img", src=self._src, alt=self._label or ""), caption)

    @classmethod
    def _made(cls, source: Any, label: str | None, disable_updates: bool, what: str) -> Image:
        made = cls(b"\x89PNG\r\n\x1a\n", label, disable_updates)
        made._show(source)
        if made._problem and not isinstance(source, (bytes, str)):
            made._problem = f"{type_name(source)} is not a {what}, or cannot be drawn: {made._problem}"
        return made

    def _show(self, source: Any) -> None:
        self._problem, self._src = "", ""
        try:
            self._src = _data_uri(source)
        except Exception as error:  # a plotting library may raise anything
            self._problem = str(error) or type(error).__name__


def _data_uri(source: Any) -> str:
    if source is None:
        raise ValueError("`Image` Component `src` cannot be `None`")
    if isinstance(source, str):
        if not _DATA.match(source):
            raise ValueError("`src` as text must be a data URI of a PNG, JPEG, GIF, WebP or BMP")
        return source
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else _drawn(source)
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")
    if not kind and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "webp"
    if not kind:
        raise ValueError("these bytes are no PNG, JPEG, GIF, WebP or BMP")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _drawn(source: Any) -> bytes:
    """PNG bytes of a figure, axes or a PIL image."""
    buffer = io.BytesIO()
    figure = source if hasattr(source, "savefig") else getattr(source, "figure", None)
    if figure is not None and hasattr(figure, "savefig"):
        figure.savefig(buffer, format="png", bbox_inches="tight")
    elif hasattr(source, "save") and hasattr(source, "mode"):
        image = source if source.mode in ("RGB", "RGBA", "L", "P", "1", "LA", "I") else source.convert("RGB")
        image.save(buffer, format="PNG")
    else:
        raise TypeError(f"{type_name(source)} is no image")
    return buffer.getvalue()
