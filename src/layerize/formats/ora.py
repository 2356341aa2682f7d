"""Write a stack as OpenRaster, for Krita, GIMP, MyPaint and Pinta. Reading is in ``ora_read.py``.

OpenRaster (openraster.org, "File Layout" and "Layer Stack Specification"): a ZIP whose first member is the mimetype,
stored; ``stack.xml`` lists layers top to bottom; each layer is a PNG below ``data/``.
"""

from __future__ import annotations

import os
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from PIL import Image

from layerize.errors import LayerizeWarning
from layerize.formats.atomic import atomic_path
from layerize.formats.image_write import encode_png
from layerize.formats.layer_png import encode_layer
from layerize.formats.losses import faded_groups
from layerize.formats.manifest import cropped
from layerize.formats.own_marks import mark_node, mark_stack
from layerize.formats.xml_safe import OWN, xml_text
from layerize.stack.composite import flatten, iter_nodes
from layerize.stack.layer import U8, GroupBlendMode, Layer, LayerStack, Node

MIMETYPE = b"image/openraster"
VERSION = "0.0.6"
THUMBNAIL_SIDE = 256

# The specification's list has all of W3C's modes but exclusion; for that one Krita's own name is known best.
OPERATORS: dict[GroupBlendMode, str] = {
    "normal": "svg:src-over",
    "pass-through": "svg:src-over",
    "exclusion": "krita:exclusion",
}

ElementTree.register_namespace("layerize", OWN[1:-1])


def save_ora(stack: LayerStack, path: str | Path) -> None:
    """Write the stack as OpenRaster, atomically: layers cropped to their ink, merged picture and thumbnail.

    Ids, live text and metadata are kept in attributes that other programs ignore.

    Warns:
        LayerizeWarning: Exclusion, or opacity of a pass-through group, which other programs show differently.

    Raises:
        OutputError: The system refuses (disk full, no permission).
    """
    _warn_losses(stack)
    leaves = list({id(layer): layer for layer in stack.walk()}.values())  # a layer used twice is stored once
    names = {id(layer): f"data/layer{number:03d}.png" for number, layer in enumerate(leaves)}
    root = Element("image", version=VERSION, w=str(stack.size[0]), h=str(stack.size[1]), xres="72", yres="72")
    mark_stack(root, stack)
    _add(SubElement(root, "stack"), stack.layers, names)
    xml = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, atomic_path(path) as temporary:
        pictures = pool.map(lambda layer: encode_layer(cropped(layer)[0]), leaves)
        merged = flatten(stack)
        preview = pool.submit(encode_png, merged)
        with zipfile.ZipFile(temporary, "w") as archive:
            _write(archive, "mimetype", MIMETYPE)
            _write(archive, "stack.xml", xml, zipfile.ZIP_DEFLATED)
            for name, data in zip(names.values(), pictures, strict=True):
                _write(archive, name, data)
            _write(archive, "mergedimage.png", preview.result())
            _write(archive, "Thumbnails/thumbnail.png", encode_png(_thumbnail(merged)))


def _add(parent: Element, nodes: tuple[Node, ...], names: dict[int, str]) -> None:
    for node in reversed(nodes):
        if isinstance(node, Layer):
            x, y = cropped(node)[1]
            element = SubElement(parent, "layer", src=names[id(node)], x=str(x), y=str(y))
        else:
            isolation = "auto" if node.blend == "pass-through" else "isolate"
            element = SubElement(parent, "stack", isolation=isolation)
            _add(element, node.layers, names)
        element.set("name", xml_text(node.name))
        element.set("opacity", repr(float(node.opacity)))
        element.set("visibility", "visible" if node.visible else "hidden")
        element.set("composite-op", OPERATORS.get(node.blend, f"svg:{node.blend}"))
        mark_node(element, node)


def _thumbnail(merged: U8) -> U8:
    height, width = merged.shape[:2]
    scale = THUMBNAIL_SIDE / max(width, height)
    if scale >= 1:
        return merged
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(merged).resize(size, Image.Resampling.BOX))  # Pillow weighs colours by alpha


def _write(archive: zipfile.ZipFile, name: str, data: bytes, kind: int = zipfile.ZIP_STORED) -> None:
    archive.writestr(zipfile.ZipInfo(name), data, compress_type=kind)


def _warn_losses(stack: LayerStack) -> None:
    lost = []
    if any(node.blend == "exclusion" for node in iter_nodes(stack.layers)):
        lost.append("the blend mode exclusion (only Krita knows it)")
    if faded_groups(stack):
        lost.append("opacity of pass-through groups (others isolate such a group)")
    if lost:
        warnings.warn(f"OpenRaster cannot hold {' and '.join(lost)}; layerize reads it back.", LayerizeWarning, 3)
