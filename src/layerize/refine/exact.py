"""Exact recomposition: the smallest change of alpha and colour after which the layers composite to the picture.

Every pixel is solved by itself, so it works on any flat run of pixels and knows nothing of edges or of how the layers
were made. Shape letters: ``K`` layers (bottom to top), ``N`` pixels.
"""

from __future__ import annotations

import numpy as np

from layerize.errors import InputError
from layerize.refine.arrays import F32, U8, f32

CHUNK = 1 << 18  # layer pixels corrected at a time, about 20 MB
TOLERANCE = 0.501  # levels of 255; a composite this close rounds to the picture or to its neighbour


def exact(image_HW4: U8, layers_KHW4: list[U8] | U8) -> list[U8]:
    """Change layers as little as possible so that their composite is the picture.

    Args:
        image_HW4: The picture, ``u8`` straight RGBA.
        layers_KHW4: Layers bottom to top, each ``u8`` straight RGBA of the picture's size; any content.

    Returns:
        As many ``u8`` layers, whose "over" composite differs from the picture by at most 1/255 in alpha and, wherever
        the picture is not fully transparent, in straight colour. Calling it again changes nothing.

    Raises:
        InputError: There is no layer, or a size or type does not fit.
    """
    check_inputs(image_HW4, list(layers_KHW4))
    result = [np.array(layer, order="C") for layer in layers_KHW4]
    flat = [layer.reshape(-1, 4) for layer in result]
    image_N4 = np.ascontiguousarray(image_HW4).reshape(-1, 4)
    step = CHUNK // len(flat) + 1
    for start in range(0, len(image_N4), step):
        part = slice(start, start + step)
        alpha_KN = np.stack([layer[part, 3] for layer in flat])
        colour_KN3 = np.stack([layer[part, :3] for layer in flat])
        alpha_KN, colour_KN3 = solve(image_N4[part], alpha_KN, colour_KN3)
        for layer, alpha_N, colour_N3 in zip(flat, alpha_KN, colour_KN3, strict=True):
            layer[part, :3] = colour_N3
            layer[part, 3] = alpha_N
    return result


def check_inputs(image_HW4: U8, layers: list[U8]) -> None:
    """Refuse what cannot be solved, in one sentence."""
    if image_HW4.dtype != np.uint8 or image_HW4.ndim != 3 or image_HW4.shape[2] != 4 or not image_HW4.size:
        raise InputError(f"the picture must be uint8 (H, W, 4), got {image_HW4.dtype} {image_HW4.shape}.")
    if not layers:
        raise InputError("there are no layers; give at least one.")
    for index, layer in enumerate(layers):
        if layer.dtype != np.uint8 or layer.shape != image_HW4.shape:
            raise InputError(
                f"layer {index} is {layer.dtype} {layer.shape}; it must be uint8 {image_HW4.shape} like the picture."
            )


def solve(image_N4: U8, alpha_KN: U8, colour_KN3: U8, stiffness_KN: F32 | None = None) -> tuple[U8, U8]:
    """Alpha and colours whose composite is the picture, closest to those given.

    Args:
        image_N4: Pixels of the picture.
        alpha_KN: Alpha of every layer.
        colour_KN3: Straight colours of every layer.
        stiffness_KN: How unwilling each layer is to change colour (1 = plain minimum norm); a translucent layer with a
            high value leaves the picture's detail to the layer below it.

    Returns:
        ``alpha_KN`` and ``colour_KN3``, new arrays.
    """
    alpha_KN = settle_alpha(image_N4[:, 3], alpha_KN)
    weight_KN = visible_weights(alpha_KN)
    total_N = weight_KN.sum(0)
    weight_KN /= np.maximum(total_N, 1e-6)
    target_N3 = image_N4[:, :3].astype(np.float32)
    colour_KN3 = colour_KN3.copy()
    for weight_N, colour_N3 in zip(weight_KN, colour_KN3, strict=True):
        owned_N = weight_N >= 1.0 - 1e-5
        colour_N3[owned_N] = image_N4[owned_N, :3]
    error_N3 = target_N3 - np.einsum("kn,knc->nc", weight_KN, colour_KN3, dtype=np.float32)
    wrong_N = (np.abs(error_N3).max(1) > TOLERANCE) & (total_N > 0)
    stiff_KN = np.ones_like(weight_KN) if stiffness_KN is None else stiffness_KN
    wrong = np.flatnonzero(wrong_N)
    for start in range(0, len(wrong), CHUNK // len(alpha_KN) + 1):
        part = wrong[start : start + CHUNK // len(alpha_KN) + 1]
        colour = f32(colour_KN3[:, part])
        colour_KN3[:, part] = correct(target_N3[part], weight_KN[:, part], colour, stiff_KN[:, part])
    return alpha_KN, colour_KN3


def settle_alpha(image_alpha_N: U8, alpha_KN: U8) -> U8:
    """Alphas whose coverage is the picture's alpha, within half a level.

    Top-down, no layer may use more than the light that is left (to the nearest level). What is
    missing goes to the lowest layer that is present at that pixel, or to the bottom one where none is.
    """
    clear_N = 1.0 - image_alpha_N.astype(np.float64) / 255.0
    light_N = np.ones_like(clear_N)
    settled_KN = alpha_KN.copy()
    above_KN = np.empty(alpha_KN.shape)
    for k in range(len(alpha_KN) - 1, -1, -1):
        above_KN[k] = light_N
        cap_N = 255.0 * (1.0 - clear_N / np.maximum(light_N, 1e-9))
        cap_N[light_N <= 1e-9] = 255.0
        settled_KN[k] = np.minimum(alpha_KN[k], np.rint(np.clip(cap_N, 0, 255)))
        light_N = light_N * (1.0 - settled_KN[k] / 255.0)
    short_N = light_N - clear_N > 0.5 / 255.0 + 1e-9
    if short_N.any():
        lowest_N = np.argmax(settled_KN[:, short_N] > 0, axis=0)
        columns = np.flatnonzero(short_N)
        needed = 1.0 - clear_N[columns] / np.maximum(above_KN[lowest_N, columns], 1e-9)
        settled_KN[lowest_N, columns] = np.clip(np.rint(255.0 * needed), 0, 255)
    return settled_KN


def visible_weights(alpha_KN: U8) -> F32:
    """``w_k = a_k prod_(j>k) (1 - a_j)``: how much of each layer is seen, 0..1."""
    weight_KN = np.empty(alpha_KN.shape, np.float32)
    light_N = np.ones(alpha_KN.shape[1:], np.float32)
    for k in range(len(alpha_KN) - 1, -1, -1):
        alpha_N = alpha_KN[k].astype(np.float32) / np.float32(255)
        weight_KN[k] = light_N * alpha_N
        light_N *= 1 - alpha_N
    return weight_KN


def correct(target_N3: F32, weight_KN: F32, colour_KN3: F32, stiffness_KN: F32) -> U8:
    """Minimum-norm colours with ``sum_k w_k c_k = target``, weights of sum 1, all levels 0..255.

    ``c_k += (w_k / s_k) r / sum(w^2 / s)`` over the channels that have not hit 0 or 255, at most K + 2 rounds: a
    solution always exists (every layer the target's colour), so each round either ends or fixes one more channel. The
    largest weight then absorbs the rounding to whole levels.
    """
    colour_KN3 = colour_KN3.copy()
    free_KN3 = np.broadcast_to((weight_KN > 0)[..., None], colour_KN3.shape).copy()
    active = np.arange(weight_KN.shape[1])
    for _ in range(len(weight_KN) + 2):
        weight_KA1 = weight_KN[:, active, None]
        error_A3 = target_N3[active] - (weight_KA1 * colour_KN3[:, active]).sum(0)
        open_A = np.abs(error_A3).max(1) >= 1e-2
        if not open_A.any():
            break
        active, weight_KA1, error_A3 = active[open_A], weight_KA1[:, open_A], error_A3[open_A]
        gain_KA3 = weight_KA1 / stiffness_KN[:, active, None] * free_KN3[:, active]
        reach_A3 = (weight_KA1 * gain_KA3).sum(0)
        moved_KA3 = colour_KN3[:, active] + gain_KA3 * (error_A3 / np.maximum(reach_A3, 1e-9))
        clipped_KA3 = np.clip(moved_KA3, 0, 255)
        colour_KN3[:, active] = clipped_KA3
        free_KN3[:, active] &= clipped_KA3 == moved_KA3
    colour_KN3 = np.rint(colour_KN3)
    error_N3 = target_N3 - (weight_KN[..., None] * colour_KN3).sum(0)
    largest_N = weight_KN.argmax(0)
    pixels = np.arange(len(largest_N))
    share_N1 = weight_KN[largest_N, pixels][:, None]
    colour_KN3[largest_N, pixels] = np.clip(colour_KN3[largest_N, pixels] + np.rint(error_N3 / share_N1), 0, 255)
    return colour_KN3.astype(np.uint8)
