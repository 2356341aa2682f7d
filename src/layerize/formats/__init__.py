"""Layered and flat files: ``save`` and ``load`` a stack, ``read_image`` and ``write_image`` for flat pictures."""

from layerize.formats.image import DEFAULT_MAX_PIXELS, FlatImage, read_image
from layerize.formats.image_write import write_image
from layerize.formats.registry import FORMATS, WRITABLE, load, save

__all__ = ["DEFAULT_MAX_PIXELS", "FORMATS", "WRITABLE", "FlatImage", "load", "read_image", "save", "write_image"]
