"""Pictures with known lettering for the tests of ``layerize.text``: no reading, the lines are known."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from layerize.synth import fonts
from layerize.synth.skia_module import skia
from layerize.text.block import TextLine


@dataclass(frozen=True)
class Scene:
    """A picture (H, W, 3), what lies under its text, the text's alpha 0..1 and its line."""

    picture: np.ndarray
    ground: np.ndarray
    alpha: np.ndarray
    line: TextLine


def line(content: str, box: tuple[float, float, float, float], confidence: float = 1.0) -> TextLine:
    x0, y0, x1, y1 = box
    return TextLine(content=content, polygon=((x0, y0), (x1, y0), (x1, y1), (x0, y1)), confidence=confidence)


def letters(
    content: str, size: float, at: tuple[float, float], canvas: tuple[int, int], stroke: float = 0.0
) -> np.ndarray:
    """Alpha 0..1 of a text whose base line begins at ``at``; with a stroke its outline as well."""
    pixels = np.zeros((canvas[1], canvas[0], 4), np.uint8)
    surface = skia.Surface(pixels)
    font = skia.Font(fonts.bundled("sans-medium.ttf"), size)
    font.setEdging(skia.Font.Edging.kAntiAlias)
    paint = skia.Paint(AntiAlias=True, Color=skia.ColorBLACK)
    if stroke:
        paint.setStyle(skia.Paint.kStrokeAndFill_Style)
        paint.setStrokeWidth(2 * stroke)
    surface.getCanvas().drawString(content, at[0], at[1], font, paint)
    surface.flushAndSubmit()
    return pixels[..., 3].astype(np.float32) / 255


def over(ground: np.ndarray, alpha: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return ground + alpha[..., None] * (np.array(colour, np.float32) - ground)


def gradient(canvas: tuple[int, int]) -> np.ndarray:
    """A smooth ground of about 60 levels of contrast."""
    ys, xs = np.mgrid[: canvas[1], : canvas[0]].astype(np.float32)
    x, y = xs / canvas[0], ys / canvas[1]
    return np.stack([90 + 40 * x, 120 + 60 * y, 200 - 30 * x * y], axis=2)


def scene(
    content: str = "Hamburg",
    *,
    size: float = 48,
    colour: tuple[int, int, int] = (250, 245, 240),
    outline: tuple[int, int, int] | None = None,
    shadow: float = 0.0,
    ground: np.ndarray | None = None,
) -> Scene:
    """One line of text on a gradient, with an outline or a soft shadow where asked for."""
    canvas = (360, 120)
    under = gradient(canvas) if ground is None else ground.astype(np.float32)
    under = np.rint(under)
    place = (40.0, 75.0)
    fill = letters(content, size, place, canvas)
    image, alpha = under, fill
    if shadow:
        dark = shadow * cv2.GaussianBlur(np.roll(fill, (4, 4), (0, 1)), (0, 0), 3)
        image, alpha = over(image, dark, (0, 0, 0)), 1 - (1 - fill) * (1 - dark)
    if outline is not None:
        rim = letters(content, size, place, canvas, stroke=3)
        image, alpha = over(image, rim, outline), np.maximum(rim, fill)
    image = over(image, fill, colour)
    ys, xs = np.nonzero(fill > 0.1)
    margin = 0.12 * size
    box = (xs.min() - margin, ys.min() - margin, xs.max() + margin, ys.max() + margin)
    return Scene(np.rint(image).astype(np.uint8), under, alpha, line(content, box))


def soft_iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.minimum(a, b).sum() / np.maximum(a, b).sum())


def opaque(picture: np.ndarray) -> np.ndarray:
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def canvas_alpha(layers: tuple, shape: tuple[int, ...]) -> np.ndarray:
    """Alpha of all layers together, 0..1."""
    alpha = np.zeros(shape[:2], np.float32)
    for layer in layers:
        x, y = layer.offset
        part = alpha[y : y + layer.size[1], x : x + layer.size[0]]
        np.maximum(part, layer.pixels[..., 3] / np.float32(255), out=part)
    return alpha


def worst(picture: np.ndarray, composite: np.ndarray) -> float:
    """Largest premultiplied difference in levels."""
    a, b = (x.astype(np.float64) / 255 for x in (picture, composite))
    a[..., :3] *= a[..., 3:]
    b[..., :3] *= b[..., 3:]
    return round(float(np.abs(a - b).max() * 255), 6)
