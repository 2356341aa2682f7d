"""Writes a small dataset folder as ``layerize data extract`` does, from procedural designs."""

from __future__ import annotations

from pathlib import Path

from layerize.data.dataset_folder import DatasetFolder, IndexEntry, Split
from layerize.formats.manifest import save_folder
from layerize.synth.design import DesignConfig, draw_design


def make_dataset(root: Path, samples: int = 6, counts: tuple[int, ...] = (2, 3), split: Split = "train") -> Path:
    """Designs of 96 x 64 with the given layer counts in turn, all in one split; returns ``root``."""
    folder = DatasetFolder(root)
    folder.create({}, "test")
    for i in range(samples):
        count = counts[i % len(counts)]
        design = draw_design(2_000_000 + i, (96, 64), DesignConfig(min_levels=count, max_levels=count))
        name = f"{i:02d}"
        save_folder(design.to_stack(), folder.samples / name)
        folder.append(
            IndexEntry(
                id=name,
                source=f"{name}.psd",
                licence="CC0-1.0",
                status="accepted",
                split=split,
                canvas=(96, 64),
                layers=count,
                levels=count,
                opaque=1.0,
                caption=design.caption,
                path=f"samples/{name}",
            )
        )
    return root
