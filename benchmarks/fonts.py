"""How often the typeface of text is found, and how often a wrong one is named.

    python benchmarks/fonts.py [--fonts FOLDER] [--count 60] [--sizes 16 24 32 64]

Words in a random face of the package's, the machine's and those of FOLDER, a quarter of them turned, a quarter with
letter spacing; clean coverage, and coverage as rough as an estimated matte with a wrong angle. "design" counts families
with the same letters as right; "wrong named": a typeface is named although the true design is not installed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from layerize.evaluation.text_fonts import font_rates, font_trials
from layerize.text.fonts import faces_in, installed_faces, unique


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fonts", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 24, 32, 64])
    options = parser.parse_args()
    faces = unique([*(faces_in(options.fonts) if options.fonts else ()), *installed_faces()])
    print(f"{len(faces)} faces of {len({face.family for face in faces})} families")
    print("matte   size   face  family  design  named  right of named  wrong named  seconds")
    for rough in (False, True):
        for size in options.sizes:
            begun = time.perf_counter()
            trials = list(font_trials(faces, count=options.count, sizes=[size], rough=rough))
            rates = font_rates(trials)
            seconds = (time.perf_counter() - begun) / len(trials) / 2
            print(
                f"{'rough' if rough else 'clean':6} {size:5d}  {rates['face']:5.2f}  {rates['family']:6.2f}"
                f"  {rates['design']:6.2f}  {rates['named']:5.2f}  {rates['right_of_named']:14.2f}"
                f"  {rates['wrongly_named']:11.2f}  {seconds:7.3f}"
            )


if __name__ == "__main__":
    main()
