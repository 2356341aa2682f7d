"""Which readings are words. What is not goes back to the image model: an icon that looks like a letter stays an icon.

The thresholds were measured (docs/text.md) on pictures whose words are known.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from layerize.text.block import TextLine
from layerize.text.region import thickness

WORD = 0.85  # least confidence of a line of several letters
SIGN = 0.99  # of a single letter, digit or ideogram: most icons read as one
LEAST_HEIGHT = 7.0  # px; smaller letters have no strokes to lift
LARGEST = 0.7  # of the canvas's shorter side; one or two larger "letters" are a shape


def trusted(lines: Sequence[TextLine], canvas: tuple[int, int]) -> list[TextLine]:
    """The lines that are words.

    Args:
        lines: Any readings.
        canvas: (width, height) of the picture.
    """
    return [line for line in lines if is_word(line, canvas)]


def is_word(line: TextLine, canvas: tuple[int, int]) -> bool:
    """Whether a reading is sure enough, for what it says and how large it is, to become a text layer."""
    letters = sum(unicodedata.category(character)[0] in "LN" for character in line.content)
    height = thickness(line.polygon)
    if height < LEAST_HEIGHT or (letters < 3 and height > LARGEST * min(canvas)):
        return False
    others = sum(not character.isspace() for character in line.content) - letters
    if letters == 0 or others > 2 * letters:
        return False
    return line.confidence >= (SIGN if letters == 1 and others < 2 else WORD)
