"""Drawing Crello's elements with skia, as LayerD's renderer does: position, rotation, opacity, nearest-pixel sampling.

Surfaces go through PNG like LayerD's, so that premultiplied values are rounded the same way.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from layerize.data.crello_text import Fonts, draw_text, skia_module
from layerize.errors import InputError
from layerize.stack.layer import U8


@dataclass(frozen=True, kw_only=True, eq=False)
class Element:
    """One element of a design; lengths in canvas units, angle in degrees clockwise about its middle.

    Attributes:
        kind: ``TextElement``, ``ImageElement``, ``SvgElement`` ...
        png: Its picture, as stored; of texts too.
        text: The text columns of the dataset; None where they are not complete.
    """

    kind: str
    left: float
    top: float
    width: float
    height: float
    angle: float
    opacity: float
    png: bytes
    text: dict[str, Any] | None = None

    @property
    def never_opaque(self) -> bool:
        """Whether no pixel of the source picture has alpha 255."""
        try:
            with Image.open(io.BytesIO(self.png)) as image:
                return image.mode == "RGBA" and int(image.getchannel("A").getextrema()[1]) < 255  # type: ignore[arg-type]
        except (OSError, Image.DecompressionBombError) as error:
            raise InputError(f"an element's picture cannot be read ({error})") from error

    def label(self, index: int) -> str:
        """A layer name: the text, or the kind and the element's place."""
        words = " ".join(str((self.text or {}).get("text") or "").split())
        if self.kind == "TextElement" and words:
            return words[:60]
        return f"{self.kind.removesuffix('Element') or 'Element'} {index}"


def canvas_size(width: float, height: float, short_side: int) -> tuple[int, int]:
    """(width, height) in pixels, cut to whole numbers as LayerD does.

    Raises:
        InputError: A side is not above 0.
    """
    if not (width > 0 and height > 0):
        raise InputError(f"the canvas is {width}x{height}")
    scale = short_side / min(width, height)
    return int(width * scale), int(height * scale)


class Drawing:
    """Draws elements alone on a transparent canvas, or together on white.

    Args:
        fonts: Draws texts from their characters; None uses the pictures that the dataset has of them.
    """

    def __init__(self, fonts: Fonts | None = None) -> None:
        self.fonts = fonts
        self._skia = skia_module()

    def alone(self, element: Element, size: tuple[int, int], scale: float) -> U8:
        """One element, straight ``u8`` (H, W, 4)."""
        return self._draw([element], size, scale, self._skia.ColorTRANSPARENT)

    def together(self, elements: Sequence[Element], size: tuple[int, int], scale: float) -> U8:
        """Elements bottom to top on white."""
        return self._draw(elements, size, scale, self._skia.ColorWHITE)

    def _draw(self, elements: Sequence[Element], size: tuple[int, int], scale: float, ground: Any) -> U8:
        surface = self._skia.Surface(*size)
        canvas = surface.getCanvas()
        canvas.clear(ground)
        canvas.scale(scale, scale)
        for element in elements:
            canvas.save()
            canvas.translate(element.left, element.top)
            if element.angle:
                canvas.rotate(element.angle, element.width / 2, element.height / 2)
            self._paint(canvas, element)
            canvas.restore()
        png = surface.makeImageSnapshot().encodeToData(self._skia.EncodedImageFormat.kPNG, 100)
        with Image.open(io.BytesIO(bytes(png))) as image:
            return np.asarray(image.convert("RGBA"))

    def _paint(self, canvas: Any, element: Element) -> None:
        if self.fonts is not None and element.kind == "TextElement" and element.text is not None:
            draw_text(canvas, element.text, element.width, self.fonts)
            return
        image = self._skia.Image.MakeFromEncoded(self._skia.Data.MakeWithCopy(element.png))
        if image is None:
            raise InputError("an element's picture cannot be decoded")
        paint = self._skia.Paint(Alphaf=element.opacity, AntiAlias=True)
        source, target = self._skia.Rect(image.width(), image.height()), self._skia.Rect(element.width, element.height)
        canvas.drawImageRect(image, source, target, self._skia.SamplingOptions(), paint)
