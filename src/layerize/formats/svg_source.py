"""An untrusted SVG as an element tree from which everything dangerous or unknown is gone.

Knows XML, not pictures. Document types are taken off (their plain entities, as Illustrator writes them, are put in);
references out of the file are removed, because the renderer would follow them; so is what it does not draw.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import Element, register_namespace

from layerize.errors import InputError, LimitError
from layerize.formats.image import decode_image, read_bytes
from layerize.formats.loss import report
from layerize.formats.xml_safe import local, parse_xml, without_doctype

SVG = "{http://www.w3.org/2000/svg}"
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
SODIPODI = "{http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd}"
XLINK = "{http://www.w3.org/1999/xlink}"
HREFS = ("href", f"{XLINK}href")

MAX_BYTES = 64 * 2**20
# Elements that would be drawn after every <use> is followed; more is a bomb of references.
MAX_DRAWN = 300_000

register_namespace("", SVG[1:-1])
register_namespace("xlink", XLINK[1:-1])


def read_source(path: Path, max_pixels: int) -> Element:
    """The root element, cleaned.

    Raises:
        InputError: Not an SVG, broken XML, entities beyond plain short ones; LimitError for bombs.
    """
    return parse_svg(_text_of(path), str(path), max_pixels)


def parse_svg(data: bytes, label: str, max_pixels: int) -> Element:
    """``read_source`` for bytes at hand; ``label`` names them in messages."""
    root = parse_xml(without_doctype(data, label), label)
    if root.tag == "svg":
        _give_namespace(root)
    if root.tag != f"{SVG}svg":
        raise InputError(f"{label}: its root element is {root.tag!r}, not svg; give an SVG file.")
    _clean(root, label, max_pixels)
    _check_uses(root, label)
    return root


def style_of(element: Element) -> dict[str, str]:
    """The declarations of an element's own ``style`` attribute."""
    pairs = (part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part)
    return {key.strip().lower(): value.strip() for key, value in pairs}


def property_of(element: Element, name: str) -> str | None:
    """A CSS property as the element itself sets it, by style or attribute."""
    return style_of(element).get(name, element.get(name))


def set_property(element: Element, name: str, value: str) -> None:
    """Set a CSS property on the element, stronger than its attribute and any style sheet but ``!important``."""
    style = {**style_of(element), name: value}
    element.set("style", ";".join(f"{key}:{text}" for key, text in style.items()))


def _text_of(path: Path) -> bytes:
    data = read_bytes(path)
    if data[:2] == b"\x1f\x8b":
        try:
            stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
            data, compressed = stream.decompress(data, MAX_BYTES + 1), len(data)
        except zlib.error as error:
            raise InputError(f"{path}: damaged compression ({error}); save it again.") from error
        if len(data) > MAX_BYTES:
            raise LimitError(f"{path}: unpacks to more than {MAX_BYTES >> 20} MiB from {compressed} bytes; refused.")
    if len(data) > MAX_BYTES:
        raise LimitError(f"{path}: {len(data) >> 20} MiB of XML; the limit is {MAX_BYTES >> 20} MiB.")
    return data


def _give_namespace(element: Element) -> None:
    for node in element.iter():
        if isinstance(node.tag, str) and not node.tag.startswith("{"):
            node.tag = SVG + node.tag


def _clean(root: Element, label: str, max_pixels: int) -> None:
    for parent in root.iter():
        for child in list(parent):
            if _unwanted(child, label):
                parent.remove(child)
        for key in HREFS:
            if key in parent.attrib and not _harmless(parent, parent.attrib[key], label, max_pixels):
                del parent.attrib[key]


def _unwanted(element: Element, label: str) -> bool:
    """Whether the element is a script, or of a kind that the renderer draws wrongly or not at all."""
    kind = local(element)
    if kind in ("flowRoot", "foreignObject"):
        text = " ".join("".join(element.itertext()).split())
        if text:
            report(label, "lost-text", element.get("id", ""), f"{kind}: {text}")
        return True
    return kind == "script"


def _harmless(element: Element, reference: str, label: str, max_pixels: int) -> bool:
    reference = reference.strip()
    if reference.startswith("#") or local(element) == "a":
        return True
    name = element.get("id", "")
    if not reference.startswith("data:"):
        report(label, "external-link", name, reference[:200])
        return False
    kind, data = _embedded(reference)
    if "svg" in kind:
        report(label, "lost", name, "an SVG inside the SVG as a picture")
        return False
    try:
        decode_image(data, f"{label}, embedded picture", max_pixels=max_pixels)
    except LimitError:
        raise
    except InputError as error:
        report(label, "damaged", name, str(error))
        return False
    return True


def _embedded(reference: str) -> tuple[str, bytes]:
    """The media type and the bytes of a ``data:`` address."""
    head, _, body = reference[5:].partition(",")
    try:
        data = base64.b64decode(body + "==") if head.endswith("base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        data = b""
    return head.lower(), data


def _check_uses(root: Element, label: str) -> None:
    """Refuse references whose full expansion would be huge (each <use> draws its target again)."""
    by_id = {name: element for element in root.iter() if (name := element.get("id"))}
    sizes: dict[int, int] = {}

    def size(element: Element, depth: int) -> int:
        if id(element) in sizes or depth > 500:
            return sizes.get(id(element), 1)
        sizes[id(element)] = 1  # a cycle ends here
        total = 1 + sum(size(child, depth + 1) for child in element)
        for reference in _references(element):
            target = by_id.get(reference)
            total += size(target, depth + 1) if target is not None else 0
        sizes[id(element)] = min(total, 10 * MAX_DRAWN)
        return sizes[id(element)]

    if size(root, 0) > MAX_DRAWN:
        raise LimitError(f"{label}: draws more than {MAX_DRAWN} elements once its references are followed; refused.")


def _references(element: Element) -> Iterator[str]:
    """The ids that drawing this element draws again: <use>, patterns, masks, markers."""
    for key in HREFS:
        if local(element) == "use" and element.get(key, "").startswith("#"):
            yield element.get(key, "")[1:]
    for value in element.attrib.values():
        if "url(" in value:
            yield from re.findall(r"url\(\s*['\"]?#([^)'\"]+)", value)
