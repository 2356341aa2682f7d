"""XML from and for strangers: parsing without DTD and entities, within limits; text that XML can hold."""

from __future__ import annotations

import re
import warnings
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from layerize.errors import InputError, LayerizeWarning, LimitError

# Attributes of this namespace are ours; other programs ignore them.
OWN = "{urn:layerize:1}"

# A stack nests some levels deep and has some thousand layers; more is meant to exhaust memory or recursion.
MAX_DEPTH = 200
MAX_ELEMENTS = 100_000

# Entities as drawing programs write them: a few namespaces. Longer or nested ones are bombs.
MAX_ENTITIES, MAX_ENTITY = 64, 1_000
# What the entities of one document may add up to, in characters.
MAX_EXPANSION = 2**26

_DOCTYPE = re.compile(r"<!DOCTYPE\s[^\[>]*(\[(?P<inner>.*?)\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY\s+(?P<name>[\w.:-]+)\s+(?P<quote>[\"'])(?P<value>.*?)(?P=quote)\s*>", re.DOTALL)

# XML 1.0, production 2 (Char): everything else cannot be written, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_xml(data: bytes, label: str) -> Element:
    """The root element; names in a namespace read ``{address}name``.

    Raises:
        LimitError: Nested too deeply, or too many elements.
        InputError: Not well-formed, or with a document type (where entities, and with them bombs, are declared).
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(None, "}")
    parser.buffer_text = True
    depth = count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise LimitError(f"{label}: more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements of XML; refused.")
        builder.start(_name(name), {_name(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_name(name))

    def refuse(*_: object) -> None:
        raise InputError(f"{label}: has a document type (DOCTYPE), which may hide entities; save it without one.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: an unknown encoding
        raise InputError(f"{label}: broken XML ({error}); save it again.") from error
    return builder.close()


def without_doctype(data: bytes, label: str) -> bytes:
    """The document without its type; short plain entities, as Illustrator declares them, are put in.

    Raises:
        InputError: Entities that are external, nested or long; LimitError if putting them in would fill memory.
    """
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
        if growth > MAX_EXPANSION:
            raise LimitError(
                f"{label}: its entities would fill more than {MAX_EXPANSION >> 20} MiB; refused as a bomb."
            )
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


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def xml_text(text: str) -> str:
    """The text without the characters that XML cannot hold (control characters, lone surrogates), which become U+FFFD.

    Warns:
        LayerizeWarning: There were some.
    """
    clean = _NOT_XML.sub("\ufffd", text)
    if clean != text:
        warnings.warn(f"characters that XML cannot hold were replaced: {clean[:40]!r}.", LayerizeWarning, 2)
    return clean


def _name(name: str) -> str:
    return "{" + name if "}" in name else name
