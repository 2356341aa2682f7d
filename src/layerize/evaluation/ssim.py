"""Structural similarity (Wang et al. 2004): 11 x 11 Gaussian window, sigma 1.5, K1 0.01, K2 0.03."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03


def ssim(a: npt.NDArray[Any], b: npt.NDArray[Any], *, peak: float = 255.0) -> float:
    """Mean SSIM over channels and over all places where the window lies inside the picture.

    Args:
        a: (H, W) or (H, W, C), at least 11 x 11, in 0..``peak``.
        b: As ``a``.
        peak: Largest value: 255 for ``u8``, 1 for floats.

    Returns:
        -1..1, 1 for equal pictures. Equal to scikit-image's with gaussian_weights, use_sample_covariance off.

    Raises:
        ValueError: The shapes differ or a side is shorter than the window.
    """
    if a.shape != b.shape or min(a.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM got pictures {a.shape} and {b.shape}; it needs one shape of at least 11 x 11")
    x, y = (_planes(picture) / peak for picture in (a, b))
    return float(np.mean([_channel(p, q) for p, q in zip(x, y, strict=True)]))


def _planes(picture: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    planes = picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
    return np.ascontiguousarray(planes, np.float64)


def _channel(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    variance_x = _local_mean(x * x) - mean_x * mean_x
    variance_y = _local_mean(y * y) - mean_y * mean_y
    covariance = _local_mean(x * y) - mean_x * mean_y
    c1, c2 = _K1**2, _K2**2
    upper = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    lower = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float((upper / lower).mean())


def _local_mean(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rim = WINDOW // 2
    blurred: npt.NDArray[np.float64] = cv2.GaussianBlur(plane, (WINDOW, WINDOW), _SIGMA)
    return blurred[rim:-rim, rim:-rim]
