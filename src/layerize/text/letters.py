"""Which pixels around a line belong to its letters: fill, outline and shadow, and not what else is there.

Colours are ``float32`` levels 0..255. "Away" is a pixel's difference from the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from layerize.text.ground import F32, Bools, farthest, fit_surface, mode_of
from layerize.text.region import Region

ALIGNED = 0.95  # cosine from which two differences from the ground have one direction
LEAST_PEAK = 12.0  # levels that letters differ from their ground by at least
STRONG = 0.5  # share of the letters' difference from the ground
RINGING = 0.15  # the same: less, in another direction, is what compression leaves at edges
RIM_REACH = 0.22  # line heights that an outline or a shadow reaches
SOFT = 0.86  # an edge whose first pixel has less than this share of what follows two pixels on is a shadow's
SHADE = 0.3  # of the ground's light that a shadow leaves; an outline is darker
MIXED = 40.0  # levels that the mixture of two colours may be off the line that joins them
RIM_COLOUR = 0.35  # of an outline's pixels have its colour
RIM_SHARE = 0.25  # of the letters' edge that an outline or a shadow runs along
SHADOW_AREA = 0.15  # of the letters' area; less is not a shadow but something faint that they cross
SHADOW_EDGE = 0.3  # of the letters' edge that a shadow runs along
OTHER_LETTER = 0.4  # line heights that a letter of another colour is high at least
KINDS = 7  # colours that a texture with text on it is divided into

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Letters:
    """What a line covers.

    Attributes:
        mask_HW: Pixels of the letters, their outline and their shadow.
        tinted_HW: Those of them that have another colour than the fill, wholly: outlines, letters of another colour.
        foreign_HW: Other pixels that are not ground: neighbours, ornaments, other text.
        fill: Colour of most of the letters.
        shadow_HW: What of the mask is known to be their shadow; None where that is to be found out.
    """

    mask_HW: Bools
    tinted_HW: Bools
    foreign_HW: Bools
    fill: F32
    shadow_HW: Bools | None = None


def letters_on_surface(rgb_HW3: F32, surface_HW3: F32, noise: float, region: Region, other_HW: Bools) -> Letters | None:
    """Letters that stand out from a smooth ground.

    Args:
        rgb_HW3: The picture in the region's window.
        surface_HW3: The ground.
        noise: Levels that the ground differs from the surface by at most.
        region: Where the line is.
        other_HW: Pixels that belong to other lines' polygons.
    """
    unit = region.height
    near = region.depth_HW > -0.45 * unit - 3
    away = rgb_HW3 - surface_HW3
    strength = np.linalg.norm(away, axis=2)
    weak = (farthest(away) > noise) & near
    seed = weak & (region.depth_HW > 0.1 * unit) & ~other_HW & (strength > LEAST_PEAK)
    seed &= ~_passing(rgb_HW3, weak, weak & (region.depth_HW < -0.1 * unit))
    if seed.sum() < 6:
        return None
    fill = mode_of(rgb_HW3[seed], strength[seed] ** 3)  # thin strokes are mostly mixtures with the ground
    toward = _fill_field(rgb_HW3, seed, strength, fill) - surface_HW3
    whole = np.maximum(np.linalg.norm(toward, axis=2), 1e-3)
    along = (away * toward).sum(2) / np.maximum(strength * whole, 1e-3)
    ratio = strength / whole
    same = weak & (along > ALIGNED)
    strong = same & (ratio > STRONG)
    if strong.sum() < 6:
        return None
    same &= _lasting(same, strong, ratio, unit)
    rest = weak & (along <= ALIGNED) & (ratio >= RINGING)
    rims, letters = _rims_and_other_letters(rest, strong, strength, region)
    letters = _without_shades(letters, rgb_HW3, surface_HW3)
    mask = same | rims | letters
    outlined = _one_colour(rgb_HW3, rims) and not (
        fades(strength, rims, mask)
        or _shade(rgb_HW3, surface_HW3, rims)
        or _between(mode_of(rgb_HW3[rims]), fill, np.median(surface_HW3[rims], axis=0))
    )
    tinted = letters | rims if outlined else letters
    mask |= weak & (grown(strong, 2) | (grown(strong, 4) & (ratio < RINGING)))
    mask &= _belonging(mask, region, near, other_HW)[0]
    mask = _without_strangers(mask, strong, region)
    if not mask.any():
        return None
    return Letters(mask, tinted & mask, weak & ~mask, fill)


def _passing(rgb: F32, weak: Bools, outside: Bools) -> Bools:
    """Connected pixels of a colour that go on outside the polygon: what passes before or behind the letters."""
    if outside.sum() < max(12.0, 0.1 * float(weak.sum())):
        return np.zeros_like(weak)
    colour = farthest(rgb - mode_of(rgb[outside])) < 30
    count, labels = connected(colour & weak)
    beyond = np.bincount(labels[outside], minlength=count)
    passing = beyond > 0.25 * np.bincount(labels.ravel(), minlength=count)
    passing[0] = False
    kept: Bools = passing[labels]
    return kept


def _fill_field(rgb: F32, seed: Bools, strength: F32, fill: F32) -> F32:
    """The letters' colour everywhere: a gradient where one explains most of them, else one colour."""
    inner = seed & (cv2.erode(seed.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    inner &= strength > 0.5 * float(np.quantile(strength[seed], 0.9))
    flat = float((farthest(rgb[inner] - fill) < 24).mean()) if inner.sum() > 40 else 1.0
    if flat > 0.7:
        return fill
    gradient = fit_surface(rgb, inner)
    return gradient.colour_HW3 if gradient.share > max(0.5, flat) else fill


def _lasting(same: Bools, strong: Bools, ratio: F32, unit: float) -> Bools:
    """Drops what is faint and away from the letters, unless there is so much of it that it is their shadow."""
    close = grown(strong, 2)
    reach = grown(strong, max(2, round(RIM_REACH * unit)))
    faint = same & ~close
    ring = grown(strong, 4) & ~close
    if (faint & reach).sum() < SHADOW_AREA * strong.sum() or (faint & ring).sum() < SHADOW_EDGE * ring.sum():
        return close | (ratio > STRONG)
    return reach | (ratio > STRONG)


def _one_colour(rgb: F32, rims: Bools) -> bool:
    """Outlines have a colour; shadows and the mixtures at an edge have many."""
    if rims.sum() < 12:
        return False
    colours = rgb[rims]
    return float((farthest(colours - mode_of(colours)) < 24).mean()) > RIM_COLOUR


def _between(colour: F32, fill: F32, ground: F32) -> bool:
    """Whether a colour is a mixture of fill and ground, as blurred edges are."""
    line = fill - ground
    share = float((colour - ground) @ line) / max(float(line @ line), 1.0)
    return 0.1 < share < 0.9 and float(np.linalg.norm(colour - ground - share * line)) < MIXED


def _shade(rgb: F32, ground: F32, rims: Bools) -> bool:
    """Whether a rim's colour is the ground's, only darker: a shadow too small to be seen fading."""
    return bool(_darker(mode_of(rgb[rims])[None], np.median(ground[rims], axis=0)[None])[0])


def _without_shades(parts: Bools, rgb: F32, ground: F32) -> Bools:
    """Drops connected parts whose colour is the ground's, only darker."""
    count, labels = connected(parts)
    if count < 2:
        return parts
    size = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)[:, None]
    colour, below = (
        np.stack([np.bincount(labels.ravel(), values[..., c].ravel(), count) for c in range(3)], axis=1) / size
        for values in (rgb, ground)
    )
    keep = ~_darker(colour, below)
    keep[0] = False
    kept: Bools = keep[labels]
    return kept


def _darker(colour_N3: npt.NDArray[Any], ground_N3: npt.NDArray[Any]) -> Bools:
    light = (colour_N3 * ground_N3).sum(1) / np.maximum((ground_N3**2).sum(1), 1.0)
    off = farthest(colour_N3 - light[:, None] * ground_N3)
    darker: Bools = (light > SHADE) & (light < 1) & (off < 16)
    return darker


def fades(strength: F32, part: Bools, mask: Bools) -> bool:
    """Whether a part of the mask grows stronger from the mask's edge inwards, as shadows and glows do."""
    edge = part & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0)
    if edge.sum() < 8:
        return False
    own = np.where(part, strength, 0).astype(np.float32)
    first, third = (cv2.dilate(own, np.ones((side, side), np.uint8))[edge] for side in (3, 7))
    return float(np.median(first / np.maximum(third, 1e-3))) < SOFT


def _rims_and_other_letters(rest: Bools, strong: Bools, strength: F32, region: Region) -> tuple[Bools, Bools]:
    """Of what has another colour than the letters: what runs along them, and what is a letter itself."""
    count, labels = connected(rest)
    if count < 2:
        return np.zeros_like(rest), np.zeros_like(rest)
    size = np.bincount(labels.ravel(), minlength=count)
    reach, touch = grown(strong, max(2, round(RIM_REACH * region.height))), grown(strong, 3)
    within = np.bincount(labels[reach], minlength=count)
    touching = np.bincount(labels[touch], minlength=count) > 0
    limit = np.bincount(labels[region.depth_HW < -0.4 * region.height - 2], minlength=count) > 0
    rim = (within >= 0.8 * size) & touching & ~limit
    rim[0] = False
    edge = grown(strong, 2) & ~strong
    if (rim[labels] & edge).sum() < RIM_SHARE * edge.sum():
        rim[:] = False
    inside = np.bincount(labels[region.depth_HW > 0], minlength=count)
    middle = np.bincount(labels[region.depth_HW > 0.2 * region.height], minlength=count)
    vivid = np.bincount(labels.ravel(), strength.ravel(), count) / np.maximum(size, 1)
    letter = (inside >= 0.93 * size) & (middle > 0.3 * size) & (_extent(labels, count) > OTHER_LETTER * region.height)
    letter &= vivid > 0.35 * float(np.median(strength[strong]))
    letter[0] = False
    return rim[labels], letter[labels]


def _belonging(mask: Bools, region: Region, near: Bools, other: Bools) -> tuple[Bools, Labels]:
    """Connected parts that mostly lie in the line's polygon and not in another line's."""
    count, labels = connected(mask)
    size = np.bincount(labels.ravel(), minlength=count)
    mine = (region.depth_HW > -0.06 * region.height - 1) & ~other
    own = np.bincount(labels[mine], minlength=count)
    others = np.bincount(labels[other], minlength=count)
    keep = (own >= 0.5 * size) & (own > 0)
    shared = (others > 0.4 * size) & (own > 0.2 * size)
    # Lines that touch (long descenders, a common shadow) are divided at the polygons.
    keep |= shared
    keep[0] = False
    kept = keep[labels] & ~(shared[labels] & other)
    # A line that runs on outside (an underline, letters tied together) gives what is deep in the polygon.
    deep = np.bincount(labels[mine & (region.depth_HW > 0.2 * region.height)], minlength=count)
    tied = ~keep & (own > 0.12 * size) & (deep > 0.5 * own) & (deep > 0)
    tied[0] = False
    return kept | (tied[labels] & mine), labels


def _without_strangers(mask: Bools, strong: Bools, region: Region) -> Bools:
    """Drops connected parts that hold nothing of the fill's colour and are no letter of another colour."""
    count, labels = connected(mask)
    size, core = np.bincount(labels.ravel(), minlength=count), np.bincount(labels[strong], minlength=count)
    tall = _extent(labels, count) > OTHER_LETTER * region.height
    keep = (core > 0.05 * size) | tall
    keep[0] = False
    kept: Bools = keep[labels]
    return kept


def letters_on_texture(rgb_HW3: F32, region: Region, other_HW: Bools) -> Letters | None:
    """Letters whose colour is frequent within the polygon and rare around it, where no surface explains the ground."""
    unit = region.height
    near = (region.depth_HW > -0.45 * unit - 3) & ~other_HW
    deep, around = near & (region.depth_HW > 0.12 * unit), near & (region.depth_HW < 0.06 * unit)
    inner, outer = rgb_HW3[deep], rgb_HW3[around]
    if len(inner) < 40 or len(outer) < 40:
        return None
    sample = np.concatenate([_some(inner, 2500), _some(outer, 2500)])
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    cv2.setRNGSeed(7)
    _, _, centres = cv2.kmeans(sample, min(KINDS, len(sample)), None, stop, 1, cv2.KMEANS_PP_CENTERS)
    in_share, out_share = (_shares(_some(part, 20000), centres) for part in (inner, outer))
    gain = in_share - 2 * out_share
    best = int(gain.argmax())
    if gain[best] < 0.05:
        return None
    kin = (np.linalg.norm(centres - centres[best], axis=1) < 60) & (in_share > 2 * out_share)
    core = _belonging(_of_colours(rgb_HW3, centres, kin, near), region, near, other_HW)[0]
    if not core.any():
        return None
    frequent = ~kin & (in_share > 5 * out_share) & (in_share > 0.05)
    bound = np.zeros_like(core)
    if frequent.any():  # a gradient's other end, an outline or what it encloses
        bound = _bound_to(core, _of_colours(rgb_HW3, centres, frequent, near), region)
        if not _throughout(bound, core):
            bound[:] = False
    rim = bound | _outline_of(rgb_HW3, core | bound, near, unit)
    return Letters(core | rim, rim, np.zeros_like(core), mode_of(rgb_HW3[core]))


def _throughout(part: Bools, core: Bools) -> bool:
    """Whether a part is found along most of the letters, not at one of them only."""
    if part.sum() < 0.15 * core.sum():
        return False
    ys, xs = np.nonzero(core)
    places, own = (xs, np.nonzero(part)[1]) if np.ptp(xs) >= np.ptp(ys) else (ys, np.nonzero(part)[0])
    count, _ = np.histogram(own, bins=6, range=(float(places.min()), float(places.max()) + 1))
    return int((count > 0.05 * len(own)).sum()) >= 4


def _bound_to(core: Bools, more: Bools, region: Region) -> Bools:
    """Connected parts that lie along the letters or within the polygon, with the seam between them."""
    count, labels = connected(more & ~core)
    size = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    along = np.bincount(labels[grown(core, max(2, round(0.15 * region.height)))], minlength=count) / size
    inside = np.bincount(labels[region.depth_HW > 0], minlength=count) / size
    touching = np.bincount(labels[grown(core, 3)], minlength=count) > 0
    thick = np.zeros(count)
    np.maximum.at(thick, labels.ravel(), cv2.distanceTransform((labels > 0).astype(np.uint8), cv2.DIST_L2, 3).ravel())
    keep = touching & ((along > 0.85) | (inside > 0.98)) & (thick > 1.5)
    keep[0] = False
    bound = keep[labels]
    found: Bools = bound | (grown(bound, 2) & grown(core, 2))
    return found


def _outline_of(rgb: F32, core: Bools, near: Bools, unit: float) -> Bools:
    """Pixels next to the letters that have one colour, which is hardly found farther away."""
    reach = max(3, round(0.1 * unit))
    close = grown(core, reach) & ~grown(core, 1) & near
    far = near & ~grown(core, 2 * reach)
    if close.sum() < 30 or far.sum() < 30:
        return np.zeros_like(core)
    colour = mode_of(rgb[close])
    like = farthest(rgb - colour) < 32
    if like[close].mean() < 0.4 or like[far].mean() > 0.35 * like[close].mean():
        return np.zeros_like(core)
    around = grown(core, reach + 1) & ~core
    count, labels = connected(like & around)
    touching = np.bincount(labels[grown(core, 2)], minlength=count) > 0
    touching[0] = False
    rim: Bools = touching[labels] | (grown(touching[labels], 3) & grown(core, 3) & ~core)
    return rim


def _of_colours(rgb: F32, centres: F32, kinds: Bools, near: Bools) -> Bools:
    """Pixels within half the distance to the nearest colour that is none of ``kinds``."""
    away = np.linalg.norm(rgb[:, :, None] - centres[kinds], axis=3).min(2)
    rest = centres[~kinds]
    if not len(rest):
        return np.zeros_like(near)
    apart = np.linalg.norm(rest[:, None] - centres[kinds][None], axis=2).min()
    mask: Bools = (away < float(np.clip(0.5 * apart, 14, 70))) & near
    return mask


def connected(mask_HW: Bools) -> tuple[int, Labels]:
    """Number of labels, 0 for what is not in the mask, and the labels (8-connected)."""
    count, labels = cv2.connectedComponents(mask_HW.astype(np.uint8), connectivity=8)
    return count, labels


def grown(mask_HW: Bools, radius: int) -> Bools:
    """The mask and everything within ``radius`` pixels of it."""
    if radius > 6:  # a large kernel is slow
        distance = cv2.distanceTransform((~mask_HW).astype(np.uint8), cv2.DIST_L2, 3)
        far: Bools = distance <= radius
        return far if mask_HW.any() else mask_HW
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    near: Bools = cv2.dilate(mask_HW.astype(np.uint8), kernel) > 0
    return near


def _extent(labels: Labels, count: int) -> npt.NDArray[np.int64]:
    """The longer side of every component's box, in pixels."""
    ys, xs = np.nonzero(labels)
    own = labels[ys, xs]
    low, high = np.full((2, count), 1 << 30), np.full((2, count), -1)
    for axis, values in enumerate((xs, ys)):
        np.minimum.at(low[axis], own, values)
        np.maximum.at(high[axis], own, values)
    extent: npt.NDArray[np.int64] = np.maximum(high - low + 1, 0).max(0)
    return extent


def _shares(colours_N3: F32, centres_K3: F32) -> F32:
    owner = np.linalg.norm(colours_N3[:, None] - centres_K3[None], axis=2).argmin(1)
    shares: F32 = (np.bincount(owner, minlength=len(centres_K3)) / len(colours_N3)).astype(np.float32)
    return shares


def _some(values_NC: F32, most: int) -> F32:
    if len(values_NC) <= most:
        return values_NC
    return values_NC[np.linspace(0, len(values_NC) - 1, most).astype(np.intp)]
