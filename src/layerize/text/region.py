"""The part of a picture around one line of text, and how far its pixels are from the line's polygon."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from layerize.text.block import Polygon
from layerize.text.ground import F32

REACH = 0.65  # heights of the line around its polygon that are looked at


@dataclass(frozen=True, eq=False)
class Region:
    """An upright window around a line.

    Attributes:
        x: Left edge on the canvas.
        y: Top edge.
        depth_HW: Signed distance to the polygon's edge in pixels, positive inside.
        height: Of the line across its direction, in pixels.
    """

    x: int
    y: int
    depth_HW: F32
    height: float

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the window in a canvas array."""
        height, width = self.depth_HW.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


def region_of(polygon: Polygon, canvas: tuple[int, int]) -> Region | None:
    """The window around a line; None where nothing of the polygon lies on the canvas (width, height)."""
    corners = np.array(polygon, np.float32)
    height = thickness(polygon)
    pad = math.ceil(REACH * height) + 4
    x0, y0 = np.floor(corners.min(0)).astype(int) - pad
    x1, y1 = np.ceil(corners.max(0)).astype(int) + pad
    x0, y0, x1, y1 = max(int(x0), 0), max(int(y0), 0), min(int(x1), canvas[0]), min(int(y1), canvas[1])
    if x1 - x0 < 3 or y1 - y0 < 3:
        return None
    inside = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(inside, [np.rint(corners - (x0, y0)).astype(np.int32)], 1)
    if not inside.any():
        return None
    # Framed, so that a polygon that fills the window has an edge, and the canvas's edge is none.
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    return Region(x0, y0, depth.astype(np.float32), height)


def thickness(polygon: Polygon) -> float:
    """The shorter mean side of a four-cornered polygon; of any other the shorter side of its smallest rectangle."""
    corners = np.array(polygon, np.float32)
    if len(corners) != 4:
        return max(float(min(cv2.minAreaRect(corners)[1])), 1.0)
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    return max(float(min(sides[0] + sides[2], sides[1] + sides[3])) / 2, 1.0)
