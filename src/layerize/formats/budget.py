"""How many pixels the layers of one untrusted file may hold together."""

from __future__ import annotations

from layerize.errors import LimitError
from layerize.formats.image import check_pixels
from layerize.formats.manifest import STACK_BUDGET


class PixelBudget:
    """Counts the pixels of a file's layers before or as they are decoded."""

    def __init__(self, label: str, max_pixels: int) -> None:
        self._label, self.max_pixels = label, max_pixels
        self._left = STACK_BUDGET * max_pixels

    def spend(self, width: int, height: int) -> None:
        """Take one layer's pixels from the budget.

        Raises:
            LimitError: This layer, or all layers so far together, are over the limits; InputError for an empty one.
        """
        check_pixels(f"{self._label}: a layer", width, height, self.max_pixels)
        self._left -= width * height
        if self._left < 0:
            raise LimitError(
                f"{self._label}: its layers hold more than {STACK_BUDGET} times {self.max_pixels / 1e6:g} megapixels "
                "together; raise --max-pixels to read it."
            )
