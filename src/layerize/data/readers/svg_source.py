"""An untrusted SVG as an element tree from which everything dangerous or unknown is gone.

Knows XML, not pictures. Document types are taken off (their plain entities, as Illustrator writes them, are put in);
references out of the file are removed, because the renderer would follow them; so is what it does not draw.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import Element, register_namespace

from layerize.data.readers.notes import Notes
from layerize.errors import InputError, LimitError
from layerize.formats.image import decode_image, read_bytes
from layerize.formats.xml_safe import parse_xml

SVG = "{http://www.w3.org/2000/svg}"
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
SODIPODI = "{http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd}"
XLINK = "{http://www.w3.org/1999/xlink}"
HREFS = ("href", f"{XLINK}href")

MAX_BYTES = 64 * 2**20
# Entities as drawing programs write them: a few namespaces. Longer or nested ones are bombs.
MAX_ENTITIES, MAX_ENTITY = 64, 1_000
# Elements that would be drawn after every <use> is followed; more is a bomb of references.
MAX_DRAWN = 300_000

_DOCTYPE = re.compile(r"<!DOCTYPE\s[^\[>]*(\[(?P<inner>.*?)\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY\s+(?P<name>[\w.:-]+)\s+(?P<quote>[\"'])(?P<value>.*?)(?P=quote)\s*>", re.DOTALL)

register_namespace("", SVG[1:-1])
register_namespace("xlink", XLINK[1:-1])


def read_source(path: Path, max_pixels: int, notes: Notes) -> Element:
    """The root element, cleaned.

    Raises:
        InputError: Not an SVG, broken XML, entities beyond plain short ones; LimitError for bombs.
    """
    root = parse_xml(_without_doctype(_text_of(path), str(path)), str(path))
    if root.tag == "svg":
        _give_namespace(root)
    if root.tag != f"{SVG}svg":
        raise InputError(f"{path}: its root element is {root.tag!r}, not svg; give an SVG file.")
    _clean(root, str(path), max_pixels, notes)
    _check_uses(root, str(path))
    return root


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


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
        except (zlib.error, gzip.BadGzipFile, EOFError) as error:
            raise InputError(f"{path}: damaged compression ({error}); save it again.") from error
        if len(data) > MAX_BYTES:
            raise LimitError(f"{path}: unpacks to more than {MAX_BYTES >> 20} MiB from {compressed} bytes; refused.")
    if len(data) > MAX_BYTES:
        raise LimitError(f"{path}: {len(data) >> 20} MiB of XML; the limit is {MAX_BYTES >> 20} MiB.")
    return data


def _without_doctype(data: bytes, label: str) -> bytes:
    """The document without its type; plain entities are replaced, all others refused."""
    if not re.search(rb"<!DOCTYPE", data[:1_000_000], re.IGNORECASE):
        return data
    encoding = re.match(rb"<\?xml[^>]*encoding=[\"']([\w-]+)", data)
    text = data.decode(encoding[1].decode() if encoding else "utf-8-sig", "replace")
    text = re.sub(r"^\ufeff?<\?xml[^>]*\?>", "", text)
    found = _DOCTYPE.search(text)
    if found is None:
        raise InputError(f"{label}: has a document type (DOCTYPE) that cannot be read; save it without one.")
    entities = _entities(found["inner"] or "", label)
    text = text[: found.start()] + text[found.end() :]
    if entities:
        names = "|".join(re.escape(name) for name in entities)
        growth = sum(len(entities[name]) for name in re.findall(f"&({names});", text))
        if growth > MAX_BYTES:
            raise LimitError(f"{label}: its entities would fill more than {MAX_BYTES >> 20} MiB; refused as a bomb.")
        text = re.sub(f"&({names});", lambda match: entities[match[1]], text)
    return text.encode("utf-8", "replace")


def _entities(inner: str, label: str) -> dict[str, str]:
    declared = len(re.findall(r"<!ENTITY", inner, re.IGNORECASE))
    entities = {match["name"]: match["value"] for match in _ENTITY.finditer(inner)}
    plain = all(len(value) <= MAX_ENTITY and not re.search("[&<%]", value) for value in entities.values())
    if declared != len(entities) or declared > MAX_ENTITIES or not plain:
        raise InputError(
            f"{label}: declares XML entities that are external, nested or long, as bombs do; save it without them."
        )
    return entities


def _give_namespace(element: Element) -> None:
    for node in element.iter():
        if isinstance(node.tag, str) and not node.tag.startswith("{"):
            node.tag = SVG + node.tag


def _clean(root: Element, label: str, max_pixels: int, notes: Notes) -> None:
    for parent in root.iter():
        for child in list(parent):
            if _unwanted(child, notes):
                parent.remove(child)
        for key in HREFS:
            if key in parent.attrib and not _harmless(parent, parent.attrib[key], label, max_pixels, notes):
                del parent.attrib[key]


def _unwanted(element: Element, notes: Notes) -> bool:
    """Whether the element is a script, or of a kind that the renderer draws wrongly or not at all."""
    kind = local(element)
    if kind in ("flowRoot", "foreignObject"):
        text = " ".join("".join(element.itertext()).split())
        if text:
            notes.add("lost-text", element.get("id", ""), f"{kind}: {text}")
        return True
    return kind == "script"


def _harmless(element: Element, reference: str, label: str, max_pixels: int, notes: Notes) -> bool:
    reference = reference.strip()
    if reference.startswith("#") or local(element) == "a":
        return True
    name = element.get("id", "")
    if not reference.startswith("data:"):
        notes.add("external-link", name, reference[:200])
        return False
    kind, data = _embedded(reference)
    if "svg" in kind:
        notes.add("lost", name, "an SVG inside the SVG as a picture")
        return False
    try:
        decode_image(data, f"{label}, embedded picture", max_pixels=max_pixels)
    except LimitError:
        raise
    except InputError as error:
        notes.add("damaged", name, str(error))
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
