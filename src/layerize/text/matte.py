"""One line of text: how much of each pixel it covers, and what lies under it.

Two colours locally: what is under the text (``ground``) and the text's own colour at the nearest pixel that it covers
wholly. Between them alpha is the projection on the line that joins them, ``a = (I-B).(F-B) / |F-B|^2``, as in
``layerize.refine.edge``. Colours are ``float32`` levels 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from layerize.text.ground import (
    F32,
    Bools,
    Surface,
    farthest,
    fit_surface,
    flat_colours,
    inpaint,
    is_calm,
    ring_of,
    smooth_fill,
    soft_fill,
)
from layerize.text.letters import ALIGNED, Letters, connected, fades, grown, letters_on_surface, letters_on_texture
from layerize.text.region import Region

WHOLE = 0.88  # share of the neighbourhood's strongest difference from which a pixel may be covered wholly
STRANGE = 0.25  # of a polygon beside its letters may be neither ground nor of a few flat colours
EDGES = 0.35  # of what lies beside them may be mixtures of those colours
SHADOW_REACH = 0.16  # line heights that a shadow on a texture is looked for
SHADOW_VEIL, SHADOW_DEPTH = 0.1, 6.0  # mean strength that it has at least, and levels that it darkens by
LEAST_ALPHA = 0.02
TRACE = 0.04  # alpha of what is lifted so that no trace of an edge stays behind
VISIBLE = 1.5  # levels
TEXTURE_NOISE = 10.0  # levels that inpainted ground is wrong by at least
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True, eq=False)
class LineMatte:
    """What one line covers within its region.

    Attributes:
        alpha_HW: 0..1.
        ground_HW3: What lies under the text; the picture itself where alpha is 0.
        fill: Dominant colour of the letters, levels 0..255.
        outline: Colour of their rim where it is another one, or None.
        solid_HW: Pixels of the fill and the outline, without shadow.
        smooth: Whether the ground was explained by a smooth surface.
    """

    alpha_HW: F32
    ground_HW3: F32
    fill: F32
    outline: F32 | None
    solid_HW: Bools
    smooth: bool


def line_matte(rgb_HW3: F32, region: Region, other_HW: Bools) -> LineMatte | None:
    """The matte of one line.

    Args:
        rgb_HW3: The picture in the region's window.
        region: Where the line is.
        other_HW: Pixels that belong to other lines' polygons.

    Returns:
        None where nothing stands out from its ground, or everything does.
    """
    surface = _surface(rgb_HW3, region, ~other_HW)
    found = _on_surface(rgb_HW3, surface, region, other_HW) if surface.smooth else None
    if found is None:
        return _on_texture(rgb_HW3, region, other_HW)
    letters, surface, noise = found
    if not _plausible(letters.mask_HW, region):
        return None
    ground = _filled(rgb_HW3, surface, letters, noise)
    return _solved(rgb_HW3, ground, letters, region, noise, smooth=True)


def _on_surface(rgb: F32, surface: Surface, region: Region, other_HW: Bools) -> tuple[Letters, Surface, float] | None:
    """Letters, the surface under them and its noise; None where the polygon holds much that lies on no surface."""
    noise = max(2.5, 3.5 * surface.deviation)
    letters = letters_on_surface(rgb, surface.colour_HW3, noise, region, other_HW)
    if letters is None:
        return None
    surface = _refitted(rgb, surface, letters, noise, region)
    letters = letters_on_surface(rgb, surface.colour_HW3, noise, region, other_HW)
    if letters is None:
        return None
    inside = (region.depth_HW > 0) & ~grown(letters.mask_HW, 2) & ~other_HW
    strange = inside & letters.foreign_HW
    if strange.sum() > STRANGE * max(float(inside.sum()), 1.0) and not flat_colours(rgb[strange], EDGES):
        return None
    return letters, surface, noise


def _on_texture(rgb: F32, region: Region, other_HW: Bools) -> LineMatte | None:
    """The matte where no one surface explains the ground."""
    letters = letters_on_texture(rgb, region, other_HW)
    if letters is None or not _plausible(letters.mask_HW, region):
        return None
    with_shadow = _shadow_on_calm(rgb, letters, region, other_HW)
    if with_shadow is not None:
        letters, ground = with_shadow
    else:
        ground = inpaint(rgb, grown(letters.mask_HW, _margin(region)))
    return _solved(rgb, ground, letters, region, TEXTURE_NOISE, smooth=False)


def _surface(rgb_HW3: F32, region: Region, free_HW: Bools) -> Surface:
    """The surface that explains most of the polygon's rim, looked at narrowly (a panel may end there) or widely."""
    unit, fits = region.height, []
    for outer in (0.02, 0.16):
        band = (region.depth_HW > -outer * unit - 2) & (region.depth_HW < 0.05 * unit + 1) & free_HW
        if band.sum() >= 24:
            fits.append(fit_surface(rgb_HW3, band))
    if not fits:
        return fit_surface(rgb_HW3, (region.depth_HW > -0.3 * unit - 3) & (region.depth_HW < 2))
    return max(fits, key=lambda fit: (fit.smooth, fit.share))


def _refitted(rgb: F32, surface: Surface, letters: Letters, noise: float, region: Region) -> Surface:
    """The surface through everything around the letters that lies on it."""
    trusted = (region.depth_HW > -0.2 * region.height - 3) & ~grown(letters.mask_HW, 2)
    trusted &= farthest(rgb - surface.colour_HW3) < 3 * noise
    return fit_surface(rgb, trusted) if trusted.sum() > 60 else surface


def _filled(rgb: F32, surface: Surface, letters: Letters, noise: float) -> F32:
    """The surface under the letters; where they lie on something else as well, inpainting of both."""
    hole, reach = grown(letters.mask_HW, _fringe(noise) + 1), 3 * noise
    ground = smooth_fill(rgb, surface.colour_HW3, hole, reach)
    count, labels = connected(hole)
    ring = grown(hole, 2) & ~hole
    _, around = cv2.distanceTransformWithLabels(
        (~hole).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(around.max()) + 1, np.int32)
    owner[around[hole]] = labels[hole]
    nearest = owner[around]
    off = ring & (farthest(rgb - surface.colour_HW3) > reach)
    edge, strange = (np.bincount(nearest[part], minlength=count) for part in (ring, off))
    mixed = strange > 0.1 * np.maximum(edge, 1)
    mixed[0] = False
    if mixed.any():
        ground = np.where(mixed[labels][..., None], inpaint(rgb, hole), ground)
    return ground.astype(np.float32)


def _solved(rgb: F32, ground: F32, letters: Letters, region: Region, noise: float, smooth: bool) -> LineMatte | None:
    """Alpha inside the mask and its rim, from the ground and the colours of what is covered wholly."""
    mask, away = letters.mask_HW, rgb - ground
    strength = np.linalg.norm(away, axis=2)
    toward = letters.fill - ground
    size = np.maximum(np.linalg.norm(toward, axis=2), 1e-3)
    aligned = (away * toward).sum(2) > ALIGNED * np.maximum(strength, 1e-3) * size
    whole = _whole(strength, aligned, letters, region.height)
    soft = mask & ~aligned & ~letters.tinted_HW & ~grown(whole & aligned, 1)
    shadow = letters.shadow_HW
    if shadow is None and smooth:
        shadow = _shadow(strength, soft, mask)
    if not whole.any():
        return None
    behind, veil = _behind(away, ground, mask, shadow)
    toward = nearest_value(rgb, whole) - behind
    cover = ((rgb - behind) * toward).sum(2) / np.maximum((toward**2).sum(2), 1.0)
    cover = np.where(whole, 1.0, np.clip(cover, 0, 1))
    if shadow is not None:
        cover[shadow] = 0
    fringe = grown(mask, _fringe(noise) if smooth else _margin(region)) & ~letters.foreign_HW
    if not smooth:
        cover = np.where(mask | (aligned & (strength > noise)), cover, 0)
    alpha = np.where(fringe, 1 - (1 - cover) * (1 - veil), 0).astype(np.float32)
    alpha[alpha < LEAST_ALPHA] = 0
    if smooth:  # the faint rest of an edge is lifted too: what stays would show the letters' shape
        left = fringe & (alpha < TRACE) & (farthest(away) > max(VISIBLE, 0.6 * noise))
        alpha[left] = TRACE
    if not alpha.any():
        return None
    under = np.where((alpha > 0)[..., None], ground, rgb).astype(np.float32)
    solid = fringe & (cover > 0.5)
    return LineMatte(alpha, under, letters.fill, _outline(rgb, letters.fill, whole, letters.tinted_HW), solid, smooth)


def _shadow_on_calm(rgb: F32, letters: Letters, region: Region, other_HW: Bools) -> tuple[Letters, F32] | None:
    """Letters with the shadow that they cast on a ground out of focus, and that ground; None where there is none."""
    mask, reach = letters.mask_HW, max(4.0, SHADOW_REACH * region.height)
    wide = (ring_of(mask, -1, reach) & ~other_HW) | mask
    if not is_calm(rgb, wide):
        return None
    lit = soft_fill(rgb, wide)
    veil = np.clip(((lit - rgb) * lit).sum(2) / np.maximum((lit**2).sum(2), 300.0), 0, 0.9)
    close, far = ring_of(mask, 2, 0.5 * reach) & wide, ring_of(mask, 0.75 * reach, reach) & wide
    if not close.any() or not far.any():
        return None
    depth = float((lit - rgb).mean(2)[close].mean())
    if depth < SHADOW_DEPTH or veil[close].mean() < max(SHADOW_VEIL, 1.8 * float(veil[far].mean())):
        return None
    # It ends softly where it is no longer looked for; without it the ground is what the picture shows, divided by it.
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    veil = cv2.GaussianBlur(veil, (0, 0), 1.5) * np.sqrt(np.clip(1 - distance / reach, 0, 1))
    edge = grown(mask, 2)
    shadow = wide & ~edge & (veil > LEAST_ALPHA)
    ground = np.where(shadow[..., None], np.clip(rgb / (1 - veil[..., None]), 0, 255), rgb).astype(np.float32)
    return Letters(edge | shadow, letters.tinted_HW, letters.foreign_HW, letters.fill, shadow), soft_fill(ground, edge)


def _whole(strength: F32, aligned: Bools, letters: Letters, unit: float) -> Bools:
    """Pixels that the text covers wholly: away from the mask's edge, and not a mixture of fill and ground."""
    mask = letters.mask_HW
    reach = 2 * max(2, min(round(0.12 * unit), 12)) + 1
    along = np.where(aligned & mask, strength, 0).astype(np.float32)
    peak = cv2.dilate(along, np.ones((reach, reach), np.uint8))
    mixture = aligned & (strength < WHOLE * peak)
    inner = cv2.erode(mask.astype(np.uint8), CROSS, borderValue=1) > 0
    inner &= (aligned & ~mixture) | letters.tinted_HW
    whole: Bools = mask & (inner | (aligned & (strength > 0.97 * peak)))
    tinted = whole & letters.tinted_HW
    if tinted.any():  # between the fill and its outline nothing of the ground is seen
        whole |= mask & grown(tinted, 2) & grown(whole & ~tinted, 2)
    return whole


def _shadow(strength: F32, soft: Bools, mask: Bools) -> Bools | None:
    """The part of the mask that fades out into the ground, as shadows and glows do; None where there is none."""
    if soft.sum() < 0.04 * mask.sum():
        return None
    return soft if fades(strength, soft, mask) else None


def _behind(away: F32, ground: F32, mask: Bools, shadow: Bools | None) -> tuple[F32, F32]:
    """What the letters themselves lie on, the ground with their shadow, and how strong the shadow is (0..1)."""
    veil = np.zeros(mask.shape, np.float32)
    if shadow is None:
        return ground, veil
    strength, tint = _veil(away, ground, shadow)
    carried = nearest_value(strength[..., None], shadow)[..., 0]
    veil = np.where(shadow, strength, np.where(mask, carried, 0)).astype(np.float32)
    return (ground + veil[..., None] * (tint - ground)).astype(np.float32), veil


def _veil(away: F32, ground: F32, shadow: Bools) -> tuple[F32, F32]:
    """How strong a soft shadow is (0..1), and its colour: as far along its direction as colours go."""
    weight = np.linalg.norm(away, axis=2) * shadow
    direction = (away * weight[..., None]).sum((0, 1))
    direction /= max(float(np.linalg.norm(direction)), 1e-6)
    base = (ground * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
    limits = np.where(direction > 0, 255 - base, base) / np.maximum(np.abs(direction), 1e-3)
    tint = np.clip(base + float(limits.min()) * direction, 0, 255).astype(np.float32)
    toward = tint - ground
    veil = (away * toward).sum(2) / np.maximum((toward**2).sum(2), 1.0)
    return np.clip(veil, 0, 0.98).astype(np.float32), tint


def _outline(rgb: F32, fill: F32, whole: Bools, tinted: Bools) -> F32 | None:
    """The colour of what is covered wholly and is not the fill, where there is much of it."""
    other = whole & tinted
    if other.sum() < max(12.0, 0.08 * float(whole.sum())):
        return None
    colour: F32 = np.median(rgb[other], axis=0).astype(np.float32)
    return colour if float(np.linalg.norm(colour - fill)) > 60 else None


def _plausible(mask: Bools, region: Region) -> bool:
    """Letters cover a part of their polygon, neither next to nothing nor all of it."""
    return 0.02 < float(mask[region.depth_HW > 0].mean()) < 0.93


def _fringe(noise: float) -> int:
    """Pixels around the letters' mask where a rest of their edges may be; more where noise hides it."""
    return 1 if noise < 4 else 3


def _margin(region: Region) -> int:
    return max(2, round(0.04 * region.height))


def nearest_value(values_HWC: F32, known_HW: Bools) -> F32:
    """The value at the nearest known pixel; at least one must be known."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known_HW).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros((int(labels.max()) + 1, values_HWC.shape[2]), np.float32)
    lookup[labels[known_HW]] = values_HWC[known_HW]
    nearest: F32 = lookup[labels]
    return nearest
