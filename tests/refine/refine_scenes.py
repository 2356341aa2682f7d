"""Scenes with known layers for the tests of refine: drawn with Pillow at four times their size, then reduced."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SS = 4


def background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Flat, gradient or textured opaque RGBA float 0..1."""
    first, second = rng.uniform(0.1, 0.95, (2, 3))
    kind = rng.integers(3)
    if kind == 0:
        rgb = np.broadcast_to(first, (size, size, 3)).copy()
    else:
        ramp = np.linspace(0, 1, size)[:, None, None] * np.ones((1, size, 1))
        rgb = first + ramp * (second - first) * 0.6
    if kind == 2:
        noise = cv2.GaussianBlur(rng.normal(size=(size, size, 3)), (0, 0), size / 200)
        rgb = rgb + 0.07 * noise / noise.std()
    return np.dstack([np.clip(rgb, 0, 1), np.ones((size, size))]).astype(np.float32)


def shape(rng: np.random.Generator, size: int) -> np.ndarray:
    """An ellipse, rounded box, star or word in one colour or two."""
    big = size * SS
    mask = Image.new("L", (big, big))
    pen = ImageDraw.Draw(mask)
    x, y = rng.uniform(0.12, 0.6, 2) * big
    w, h = rng.uniform(0.2, 0.36, 2) * big
    kind = rng.integers(4)
    if kind == 0:
        pen.ellipse((x, y, x + w, y + h), fill=255)
    elif kind == 1:
        pen.rounded_rectangle((x, y, x + w, y + h), radius=0.03 * big, fill=255)
    elif kind == 2:
        turn = np.arange(10) * np.pi / 5 + rng.uniform(0, 6)
        radius = np.where(np.arange(10) % 2, 0.5, 1.0) * w / 2
        points = np.stack([x + w / 2 + radius * np.cos(turn), y + w / 2 + radius * np.sin(turn)], 1)
        pen.polygon([tuple(p) for p in points], fill=255)
    else:
        pen.text((x * 0.4, y), "Layers", font=ImageFont.load_default(0.16 * big), fill=255)
    alpha = np.asarray(mask.resize((size, size), Image.Resampling.BOX), np.float32) / 255
    first, second = rng.uniform(0, 1, (2, 3))
    rgb = np.broadcast_to(first, (size, size, 3)).copy()
    if rng.random() < 0.5 and kind != 3:
        rgb[int((y + h / 2) / SS) :] = first + 0.5 * (second - first)
    return np.dstack([rgb, alpha]).astype(np.float32)


def shadow_of(layer: np.ndarray, size: int) -> np.ndarray:
    """A soft, offset shadow."""
    moved = np.roll(layer[..., 3], (size // 24, size // 24), (0, 1))
    alpha = 0.45 * cv2.GaussianBlur(moved, (0, 0), size / 32)
    return np.dstack([np.zeros((size, size, 3), np.float32), alpha])


def scene(seed: int, size: int = 512, shadow: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """True layers and their composite.

    Returns:
        layers (K, size, size, 4) float 0..1 straight, bottom to top; picture (size, size, 4) ``u8``.
    """
    rng = np.random.default_rng(seed)
    layers = [background(rng, size)]
    for _ in range(int(rng.integers(1, 4))):
        layers.append(shape(rng, size))
    if shadow:
        layers.insert(1, shadow_of(layers[-1], size))
    stack = np.stack(layers)
    return stack, picture(stack)


def flatten(layers: np.ndarray) -> np.ndarray:
    """Composite of straight float or ``u8`` layers (K, H, W, 4): premultiplied colour + alpha, float 0..1 (H, W, 4)."""
    result = np.zeros(layers[0].shape, np.float64)
    for layer in layers:
        value = layer / 255.0 if layer.dtype == np.uint8 else layer.astype(np.float64)
        alpha = value[..., 3:]
        source = np.concatenate([value[..., :3] * alpha, alpha], -1)
        result = source + (1 - alpha) * result
    return result


def picture(layers: np.ndarray) -> np.ndarray:
    """The composite as ``u8`` straight RGBA."""
    flat = flatten(layers)
    rgb = flat[..., :3] / np.maximum(flat[..., 3:], 1e-9)
    return np.rint(np.concatenate([rgb, flat[..., 3:]], -1) * 255).astype(np.uint8)


def predict(layers: np.ndarray, image: np.ndarray, coarse: int = 128, seed: int = 0) -> np.ndarray:
    """What a network would say: small, blurred, noisy, with a ghost of each object in the colours below it."""
    rng = np.random.default_rng(seed)
    small_image = cv2.resize(image, (coarse, coarse), interpolation=cv2.INTER_AREA).astype(np.float32)[..., :3] / 255
    result = []
    light = np.ones((coarse, coarse, 1), np.float32)
    for layer in layers[::-1]:
        plain = cv2.resize(layer[..., :3], (coarse, coarse), interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(layer[..., 3], (coarse, coarse), interpolation=cv2.INTER_AREA)
        noise = cv2.GaussianBlur(rng.normal(size=(coarse, coarse)).astype(np.float32), (0, 0), 2)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8) + 0.05 * noise / noise.std() * (0.3 + 0.7 * (alpha > 0.02))
        rgb = plain + 0.25 * (1 - light) * (small_image - plain)
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.8) + 0.015 * rng.normal(size=rgb.shape)
        result.append(np.dstack([rgb, alpha if layer is not layers[0] else np.ones_like(alpha)]))
        light = light * (1 - np.clip(alpha, 0, 1))[..., None]
    return np.clip(np.stack(result[::-1]), 0, 1).astype(np.float32)


def soft_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Soft intersection over union of two alphas 0..1."""
    return float(np.minimum(first, second).sum() / max(np.maximum(first, second).sum(), 1e-9))


def bicubic(coarse: np.ndarray, size: int) -> np.ndarray:
    """Baseline: alphas (K, size, size) enlarged bicubically."""
    return np.stack([np.clip(cv2.resize(c[..., 3], (size, size), interpolation=cv2.INTER_CUBIC), 0, 1) for c in coarse])


def guided(image: np.ndarray, alphas: np.ndarray, radius: int = 6, eps: float = 1e-4) -> np.ndarray:
    """Baseline: grey guided filter (He et al. 2010) of enlarged alphas with the picture as guide."""
    guide = image[..., :3].mean(2).astype(np.float32) / 255

    def box(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (2 * radius + 1,) * 2)

    mean = box(guide)
    variance = box(guide * guide) - mean * mean
    result = []
    for alpha in alphas:
        slope = (box(guide * alpha) - mean * box(alpha)) / (variance + eps)
        offset = box(alpha) - slope * mean
        result.append(np.clip(box(slope) * guide + box(offset), 0, 1))
    return np.stack(result)


def ghost(layers: np.ndarray, truth: np.ndarray) -> float:
    """What is left of the top object once it is removed: mean colour error of the rest, 0..255, where it was seen."""
    where = truth[-1][..., 3] > 0.02
    rest, true_rest = flatten(layers[:-1]), flatten(truth[:-1])
    return float(255 * np.abs(rest - true_rest)[where][:, :3].mean())
