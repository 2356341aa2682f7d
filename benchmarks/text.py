"""What lifting text adds to ``layerize split``: wall time and peak memory, with and without, and the bad inputs.

    python benchmarks/text.py [--repeats 3] [--side 1328] [--words 2000] [--json]

Every run is a process of its own. The poster is drawn with five texts; the page is nothing but words.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np
from measured import measure
from PIL import Image

SECONDS_MORE, MEBIBYTES_MORE = 4.0, 600.0


def median_of(arguments: list[str], repeats: int) -> tuple[float, float, float]:
    """Wall and CPU seconds, medians, and the largest peak in MiB."""
    runs = [measure(arguments) for _ in range(repeats)]
    wall, cpu = statistics.median(run.seconds for run in runs), statistics.median(run.cpu_seconds for run in runs)
    return wall, cpu, max(run.peak for run in runs) / 2**20


def draw_page(words: int, path: Path) -> None:
    """White paper, ``words`` words of running text in the bundled sans."""
    from layerize.synth import fonts
    from layerize.synth.skia_module import skia

    vocabulary = [
        "a",
        "good",
        "poster",
        "begins",
        "with",
        "few",
        "large",
        "words",
        "and",
        "ends",
        "in",
        "small",
        "print",
    ]
    lines = [" ".join(vocabulary[(i + j) % len(vocabulary)] for j in range(10)) for i in range(-(-words // 10))]
    pixels = np.full((24 * len(lines) // 2 + 60, 1500, 4), 255, np.uint8)
    surface = skia.Surface(pixels)
    font = skia.Font(fonts.bundled("sans-medium.ttf"), 15)
    paint = skia.Paint(AntiAlias=True, Color=skia.ColorBLACK)
    for index, line in enumerate(lines):
        column, row = index % 2, index // 2
        surface.getCanvas().drawString(line, 40 + 740 * column, 40 + 24 * row, font, paint)
    surface.flushAndSubmit()
    Image.fromarray(pixels).convert("RGB").save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--side", type=int, default=1328)
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from layerize.evaluation.text_designs import draw_text_design

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        poster, page, out = folder / "poster.png", folder / "page.png", str(folder / "out")
        Image.fromarray(draw_text_design(3, (options.side, options.side)).image_HW3).save(poster)
        draw_page(options.words, page)
        measure(["split", str(poster), "-o", out, "--text", "auto"])  # fills the file cache
        rows = {
            mode: median_of(["split", str(poster), "-o", out, "--text", mode], options.repeats)
            for mode in ("off", "auto", "only")
        }
        rows["page"] = median_of(["split", str(page), "-o", out, "--text", "only"], 1)
    more = [with_text - without for with_text, without in zip(rows["auto"], rows["off"], strict=True)]
    if options.json:
        print(json.dumps({"rows": rows, "more_seconds": more[0], "more_mebibytes": more[2]}))
        return
    print(f"{'':44}{'seconds':>9}{'CPU s':>8}{'peak MiB':>10}")
    for mode, title in (
        ("off", f"{options.side} px poster, --text off"),
        ("auto", f"{options.side} px poster, --text auto"),
        ("only", f"{options.side} px poster, --text only"),
        ("page", f"page of {options.words} words, --text only"),
    ):
        print(f"{title:44}{rows[mode][0]:9.1f}{rows[mode][1]:8.1f}{rows[mode][2]:10.0f}")
    print(f"{'text adds (limits 4 s, 600 MiB)':44}{more[0]:9.1f}{more[1]:8.1f}{more[2]:10.0f}")
    print("ok" if more[0] <= SECONDS_MORE and more[2] <= MEBIBYTES_MORE else "over the limit")


if __name__ == "__main__":
    main()
