"""One line of text: which pixels it covers how much, and what lies under it.

Two colours locally: what is under the text (``ground``) and the text's own colour at the nearest pixel that it covers
wholly. Between them alpha is the projection on the line that joins them, ``a = (I-B).(F-B) / |F-B|^2``, as in
``layerize.refine.edge``. Colours are ``float32`` levels 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from layerize.text.ground import F32, Bools, Surface, fit_surface, inpaint, mode_of, smooth_fill
from layerize.text.region import Region

ALIGNED = 0.95  # cosine from which two differences from the ground have one direction
WHOLE = 0.88  # share of the neighbourhood's strongest difference from which a pixel may be covered wholly
SOFT = 0.72  # an edge whose first pixel has less than this share of what follows two pixels on is a shadow's
LEAST_ALPHA = 0.02


@dataclass(frozen=True, eq=False)
class LineMatte:
    """What one line covers within its region.

    Attributes:
        alpha_HW: 0..1.
        ground_HW3: What lies under the text; the picture itself where alpha is 0.
        fill: Dominant colour of the letters, levels 0..255.
        outline: Colour of their rim where it is another one, or None.
        smooth: Whether the ground was explained by a smooth surface.
    """

    alpha_HW: F32
    ground_HW3: F32
    fill: F32
    outline: F32 | None
    smooth: bool


def line_matte(rgb_HW3: F32, region: Region, free_HW: Bools) -> LineMatte | None:
    """The matte of one line.

    Args:
        rgb_HW3: The picture in the region's window.
        region: Where the line is.
        free_HW: Pixels that no other line's polygon covers.

    Returns:
        None where nothing stands out from its ground, or everything does.
    """
    unit = region.height
    surface = _surface(rgb_HW3, region, free_HW)
    near = (region.depth_HW > -0.45 * unit - 3) & (free_HW | (region.depth_HW > 0))
    if surface.smooth:
        noise = max(2.5, 3.5 * surface.deviation)
        mask = _standing_out(np.abs(rgb_HW3 - surface.colour_HW3).max(2), noise, region, near)
        if mask is not None:
            trusted = near & (region.depth_HW > -0.2 * unit - 3) & ~_grown(mask, 2)
            trusted &= np.abs(rgb_HW3 - surface.colour_HW3).max(2) < 4 * noise
            if trusted.sum() > 60:
                surface = fit_surface(rgb_HW3, trusted)
                mask = _standing_out(np.abs(rgb_HW3 - surface.colour_HW3).max(2), noise, region, near)
        ground = None if mask is None else smooth_fill(rgb_HW3, surface.colour_HW3, _grown(mask, 2), 3 * noise)
    else:
        noise = 10.0
        mask = _letters_on_texture(rgb_HW3, region, near)
        ground = None if mask is None else inpaint(rgb_HW3, _grown(mask, max(2, round(0.04 * unit))))
    if mask is None or ground is None or not _plausible(mask, region):
        return None
    return _solved(rgb_HW3, ground, mask, region, noise, surface.smooth)


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


def _standing_out(away_HW: F32, noise: float, region: Region, near_HW: Bools) -> Bools | None:
    """Connected pixels that differ from the ground, begin inside the polygon and mostly lie there."""
    strong = max(4 * noise, 12.0)
    weak = ((away_HW > noise) & near_HW).astype(np.uint8)
    count, labels = cv2.connectedComponents(weak, connectivity=8)
    if count < 2:
        return None
    inside = region.depth_HW > -0.06 * region.height - 1
    size = np.bincount(labels.ravel(), minlength=count)
    core = np.bincount(labels[inside], minlength=count)
    peak = np.zeros(count)
    np.maximum.at(peak, labels.ravel(), away_HW.ravel())
    frame = _frame_labels(labels, near_HW)
    mostly = core >= 0.5 * size
    keep = (peak > strong) & mostly
    keep[0] = False
    mask = keep[labels]
    # What runs on outside (an underline, the edge of a panel) gives only what lies within the polygon.
    running = (peak > strong) & ~mostly & (core > 0) & ~frame
    running[0] = False
    mask |= running[labels] & (region.depth_HW > -0.12 * region.height)
    cut = (peak > strong) & ~mostly & (core > 4) & frame
    cut[0] = False
    mask |= cut[labels] & (region.depth_HW > 0)
    return mask if mask.any() else None


def _frame_labels(labels_HW: np.ndarray[tuple[int, int], np.dtype[np.int32]], near_HW: Bools) -> Bools:
    """Which components touch the limit of what is looked at."""
    limit = near_HW & ~cv2.erode(near_HW.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(bool)
    touching = np.zeros(int(labels_HW.max()) + 1, bool)
    touching[np.unique(labels_HW[limit])] = True
    return touching


def _letters_on_texture(rgb_HW3: F32, region: Region, near_HW: Bools) -> Bools | None:
    """Pixels of the colours that are frequent within the polygon and rare around it."""
    inside = region.depth_HW > 0
    around = near_HW & (region.depth_HW < 0.06 * region.height)
    inner, outer = rgb_HW3[region.depth_HW > 0.12 * region.height], rgb_HW3[around]
    if len(inner) < 40 or len(outer) < 40:
        return None
    sample = np.concatenate([_some(inner, 2500), _some(outer, 2500)])
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    cv2.setRNGSeed(7)
    _, _, centres = cv2.kmeans(sample, min(7, len(sample)), None, stop, 1, cv2.KMEANS_PP_CENTERS)
    in_share, out_share = (_shares(_some(part, 20000), centres) for part in (inner, outer))
    gain = in_share - 2 * out_share
    best = int(gain.argmax())
    if gain[best] < 0.06:
        return None
    text = (in_share > 2.5 * out_share) & (in_share > 0.05)
    text[best] = True
    away = np.linalg.norm(rgb_HW3[:, :, None] - centres[text], axis=3).min(2)
    rest = centres[~text]
    if not len(rest):
        return None
    apart = np.linalg.norm(rest[:, None] - centres[text][None], axis=2).min(1)
    reach = float(np.clip(0.5 * apart.min(), 14, 70))
    mask = ((away < reach) & near_HW).astype(np.uint8)
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    size, core = np.bincount(labels.ravel(), minlength=count), np.bincount(labels[inside], minlength=count)
    keep = (core >= 0.6 * size) & (core > 3)
    keep[0] = False
    found: Bools = keep[labels]
    return found if found.any() else None


def _solved(rgb: F32, ground: F32, mask: Bools, region: Region, noise: float, smooth: bool) -> LineMatte | None:
    """Alpha inside the mask and its rim, from the ground and the colours of what is covered wholly."""
    away = rgb - ground
    strength = np.linalg.norm(away, axis=2)
    fill = _dominant(rgb, strength, mask)
    toward = fill - ground
    size = np.maximum(np.linalg.norm(toward, axis=2), 1e-3)
    aligned = (away * toward).sum(2) > ALIGNED * np.maximum(strength, 1e-3) * size
    whole = _whole(strength, aligned, mask, region.height)
    soft = mask & ~aligned & ~_grown(whole & aligned, 1)
    shadow = _soft_edged(strength, soft, mask) if smooth else None
    if shadow is not None:
        whole &= ~shadow
    if not whole.any():
        return None
    front = _nearest(rgb, whole)
    behind = ground
    veil = np.zeros(mask.shape, np.float32)
    if shadow is not None:
        veil, tint = _veil(away, ground, shadow)
        near_veil = _nearest(veil[..., None].repeat(3, 2), shadow)[..., 0]
        rim = mask & ~shadow
        veil = np.where(shadow, veil, np.where(rim, near_veil, 0)).astype(np.float32)
        behind = ground + veil[..., None] * (tint - ground)
    toward = front - behind
    cover = ((rgb - behind) * toward).sum(2) / np.maximum((toward**2).sum(2), 1.0)
    cover = np.where(whole, 1.0, np.clip(cover, 0, 1))
    if shadow is not None:
        cover = np.where(shadow, 0, cover)
    touched = _grown(mask, 1) if smooth else _grown(mask, max(2, round(0.04 * region.height)))
    if not smooth:
        cover = np.where(mask | (aligned & (strength > noise)), cover, 0)
    alpha = np.where(touched, 1 - (1 - cover) * (1 - veil), 0).astype(np.float32)
    alpha[alpha < LEAST_ALPHA] = 0
    if not alpha.any():
        return None
    under = np.where((alpha > 0)[..., None], ground, rgb).astype(np.float32)
    return LineMatte(alpha, under, fill, _outline(rgb, fill, whole, alpha), smooth)


def _whole(strength: F32, aligned: Bools, mask: Bools, unit: float) -> Bools:
    """Pixels that the text covers wholly: away from the mask's edge, and not a mixture of fill and ground."""
    reach = 2 * max(2, round(0.12 * unit)) + 1
    along = np.where(aligned & mask, strength, 0).astype(np.float32)
    peak = cv2.dilate(along, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    mixture = aligned & (strength < WHOLE * peak)
    inner = cv2.erode(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), borderValue=1) > 0
    whole: Bools = mask & ((inner & ~mixture) | (aligned & (strength > 0.97 * peak)))
    return whole


def _soft_edged(strength: F32, soft: Bools, mask: Bools) -> Bools | None:
    """The part of the mask that fades out into the ground, as shadows and glows do; None where there is none."""
    if soft.sum() < 0.04 * mask.sum():
        return None
    edge = soft & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0)
    if edge.sum() < 8:
        return None
    own = np.where(soft, strength, 0).astype(np.float32)
    first, third = (cv2.dilate(own, np.ones((side, side), np.uint8))[edge] for side in (3, 7))
    return soft if float(np.median(first / np.maximum(third, 1e-3))) < SOFT else None


def _veil(away: F32, ground: F32, shadow: Bools) -> tuple[F32, F32]:
    """How strong a soft shadow is (0..1), and its colour: as far along its direction as colours go."""
    weight = np.linalg.norm(away, axis=2) * shadow
    direction = (away * weight[..., None]).sum((0, 1))
    direction /= max(float(np.linalg.norm(direction)), 1e-6)
    base = (ground * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(
            direction > 1e-3, (255 - base) / direction, np.where(direction < -1e-3, -base / direction, np.inf)
        )
    tint = np.clip(base + float(np.min(room)) * direction, 0, 255).astype(np.float32)
    toward = tint - ground
    veil = (away * toward).sum(2) / np.maximum((toward**2).sum(2), 1.0)
    return np.clip(veil, 0, 0.98).astype(np.float32), tint


def _dominant(rgb: F32, strength: F32, mask: Bools) -> F32:
    """The colour that most of the letters have; mixtures with the ground count less."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    chosen = inner if inner.sum() > 0.15 * mask.sum() else mask
    return mode_of(rgb[chosen], strength[chosen] ** 2)


def _outline(rgb: F32, fill: F32, whole: Bools, alpha: F32) -> F32 | None:
    """The colour of what is covered wholly, lies at the letters' rim and is not the fill."""
    solid = alpha > 0.9
    rim = whole & ~(cv2.erode(solid.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    other = np.linalg.norm(rgb - fill, axis=2) > 60
    if rim.sum() < 20 or (rim & other).sum() < 0.5 * rim.sum():
        return None
    colour: F32 = np.median(rgb[rim & other], axis=0).astype(np.float32)
    return colour


def _plausible(mask: Bools, region: Region) -> bool:
    """Letters cover a part of their polygon, neither next to nothing nor all of it."""
    inside = region.depth_HW > 0
    return 0.02 < float(mask[inside].mean()) < 0.93


def _nearest(values_HWC: F32, known_HW: Bools) -> F32:
    """The value at the nearest known pixel."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known_HW).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros((int(labels.max()) + 1, values_HWC.shape[2]), np.float32)
    lookup[labels[known_HW]] = values_HWC[known_HW]
    nearest: F32 = lookup[labels]
    return nearest


def _grown(mask_HW: Bools, radius: int) -> Bools:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    grown: Bools = cv2.dilate(mask_HW.astype(np.uint8), kernel) > 0
    return grown


def _shares(colours_N3: F32, centres_K3: F32) -> F32:
    owner = np.linalg.norm(colours_N3[:, None] - centres_K3[None], axis=2).argmin(1)
    shares: F32 = (np.bincount(owner, minlength=len(centres_K3)) / len(colours_N3)).astype(np.float32)
    return shares


def _some(values_NC: F32, most: int) -> F32:
    if len(values_NC) <= most:
        return values_NC
    return values_NC[np.linspace(0, len(values_NC) - 1, most).astype(np.intp)]
