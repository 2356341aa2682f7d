"""Refine: quality against plain enlargement and a guided filter, and time and memory at native size.

Quality is measured on held-out procedural designs: their true layers are reduced to a model's size and spoiled as a
network would (blur, noise, a quarter-strength ghost of every object in the colours below it), then brought back to
native size.

    python benchmarks/refine.py [--designs 24] [--skip-size]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from layerize.refine import RefineConfig, exact, refine
from layerize.synth.design import draw_design

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
NATIVE, COARSE = 512, 128


def spoil(layers_KHW4: F32, rgb_HW3: F32, seed: int) -> F32:
    """What a network would say of these layers: (K, COARSE, COARSE, 4), 0..1 straight."""
    rng = np.random.default_rng(seed)
    size = (COARSE, COARSE)
    picture = cv2.resize(rgb_HW3, size, interpolation=cv2.INTER_AREA)
    light = np.ones((*size, 1), np.float32)
    result = []
    for k in range(len(layers_KHW4) - 1, -1, -1):
        alpha = cv2.resize(layers_KHW4[k, ..., 3], size, interpolation=cv2.INTER_AREA)
        premultiplied = layers_KHW4[k, ..., :3] * layers_KHW4[k, ..., 3:]
        rgb = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA) / np.maximum(alpha, 1e-3)[..., None]
        rgb += 0.25 * (1 - light) * (picture - rgb)
        noise = cv2.GaussianBlur(rng.normal(size=size).astype(np.float32), (0, 0), 2)
        seen = cv2.GaussianBlur(alpha, (0, 0), 0.8) + 0.05 * noise / noise.std() * (0.3 + 0.7 * (alpha > 0.02))
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.8) + 0.015 * rng.normal(size=rgb.shape)
        result.append(np.dstack([rgb, seen if k else np.ones_like(alpha)]))
        light *= 1 - alpha[..., None]
    return np.clip(np.stack(result[::-1]), 0, 1).astype(np.float32)


def enlarged(coarse_Khw4: F32) -> F32:
    """Baseline: bicubic."""
    large = [cv2.resize(layer, (NATIVE, NATIVE), interpolation=cv2.INTER_CUBIC) for layer in coarse_Khw4]
    return np.clip(np.stack(large), 0, 1)


def guided(rgb_HW3: F32, alpha_KHW: F32, radius: int = 6, eps: float = 1e-4) -> F32:
    """Baseline: guided filter (He et al. 2010) of the bicubic alphas, guide = grey picture."""
    side = (2 * radius + 1, 2 * radius + 1)
    guide = rgb_HW3.mean(2)
    mean = cv2.blur(guide, side)
    spread = cv2.blur(guide * guide, side) - mean * mean
    result = []
    for alpha in alpha_KHW:
        slope = (cv2.blur(guide * alpha, side) - mean * cv2.blur(alpha, side)) / (spread + eps)
        offset = cv2.blur(alpha, side) - slope * mean
        result.append(np.clip(cv2.blur(slope, side) * guide + cv2.blur(offset, side), 0, 1))
    return np.stack(result)


def flatten(layers_KHW4: F32) -> F32:
    """Composite colour over black, 0..1."""
    result = np.zeros((*layers_KHW4.shape[1:3], 3), np.float32)
    for layer in layers_KHW4:
        result += layer[..., 3:] * (layer[..., :3] - result)
    return result


def seen(alpha_KHW: F32) -> F32:
    """Visible weights."""
    above = np.cumprod(1 - alpha_KHW[::-1], axis=0)[::-1]
    return alpha_KHW * np.concatenate([above[1:], np.ones_like(above[:1])])


def iou(first_KHW: F32, second_KHW: F32) -> float:
    """Mean soft IoU over the layers above the background."""
    pairs = list(zip(first_KHW, second_KHW, strict=True))[1:]
    return float(np.mean([np.minimum(a, b).sum() / max(np.maximum(a, b).sum(), 1e-6) for a, b in pairs]))


def ghost(layers_KHW4: F32, truth_KHW4: F32) -> float:
    """Mean colour error, in levels, of what appears when the top layer is removed, where it was seen."""
    where = truth_KHW4[-1, ..., 3] > 0.02
    return float(255 * np.abs(flatten(layers_KHW4[:-1]) - flatten(truth_KHW4[:-1]))[where].mean())


def measure(design_seed: int) -> dict[str, list[float]]:
    """Per method: alpha IoU, visible IoU, ghost, largest recomposition error in levels."""
    design = draw_design(design_seed, (NATIVE, NATIVE))
    truth = design.layers_u8_KHW4.astype(np.float32) / 255
    image = np.dstack([design.image_u8_HW3, np.full((NATIVE, NATIVE), 255, np.uint8)])
    rgb = image[..., :3].astype(np.float32) / 255
    coarse = spoil(truth, rgb, design_seed)
    bicubic = enlarged(coarse)
    filtered = bicubic.copy()
    filtered[..., 3] = guided(rgb, bicubic[..., 3])
    results = {"bicubic": bicubic, "guided filter": filtered}
    results["bicubic + exact"] = as_float(exact(image, list(np.rint(bicubic * 255).astype(np.uint8))))
    for hidden in ("blend", "model", "diffuse"):
        results[f"refine ({hidden})"] = as_float(refine(image, coarse, config=RefineConfig(hidden=hidden)))
    return {
        name: [
            iou(layers[..., 3], truth[..., 3]),
            iou(seen(layers[..., 3]), seen(truth[..., 3])),
            ghost(layers, truth),
            float(255 * np.abs(flatten(layers) - rgb).max()),
        ]
        for name, layers in results.items()
    }


def as_float(layers: list[U8]) -> F32:
    """0..1."""
    return np.stack(layers).astype(np.float32) / 255


def size_run(megapixels: float, layers: int) -> dict[str, float]:
    """Seconds and peak memory of one refine in a fresh process."""
    code = f"import refine; refine.size_child({megapixels}, {layers})"
    folder = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def size_child(megapixels: float, layers: int) -> None:
    """The fresh process of ``size_run``: a design enlarged to many megapixels, with grain."""
    design = draw_design(7, (512, 384))
    width = int((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = int(megapixels * 1e6 / width)
    rgb = cv2.resize(design.image_u8_HW3, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).integers(0, 4, (512, 512, 3), dtype=np.uint8)
    for top in range(0, height, 512):
        for left in range(0, width, 512):
            tile = rgb[top : top + 512, left : left + 512]
            tile[:] = cv2.add(tile, grain[: tile.shape[0], : tile.shape[1]])
    image = cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)
    del rgb
    truth = [cv2.resize(layer, (256, 192), interpolation=cv2.INTER_AREA) for layer in design.layers_u8_KHW4]
    coarse = (
        np.stack([truth[0]] + [truth[1 + k % (len(truth) - 1)] for k in range(layers - 1)]).astype(np.float32) / 255
    )
    start = time.perf_counter()
    refine(image, coarse)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"width": width, "height": height, "seconds": seconds, "peak": peak}))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, default=24)
    parser.add_argument("--skip-size", action="store_true")
    options = parser.parse_args()
    console = Console()
    rows = [measure(seed) for seed in range(options.designs)]
    table = Table("method", "alpha IoU", "visible IoU", "ghost (levels)", "max error (levels)")
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        mean = values.mean(0)
        table.add_row(name, f"{mean[0]:.3f}", f"{mean[1]:.3f}", f"{mean[2]:.1f}", f"{values[:, 3].max():.2f}")
    table.title = f"{options.designs} held-out designs, {COARSE} px predictions to {NATIVE} px"
    console.print(table)
    if options.skip_size:
        return
    table = Table("picture", "layers", "seconds (median of 3)", "peak MB", title="Time and memory, fresh process")
    for megapixels, layers in ((1.76, 4), (12.0, 6), (64.0, 6)):
        runs = [size_run(megapixels, layers) for _ in range(3 if megapixels < 20 else 1)]
        seconds = sorted(run["seconds"] for run in runs)[len(runs) // 2]
        picture = f"{runs[0]['width']:.0f}x{runs[0]['height']:.0f}"
        table.add_row(picture, str(layers), f"{seconds:.1f}", f"{max(run['peak'] for run in runs):.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
