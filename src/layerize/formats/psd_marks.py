"""What Photoshop has no place for (ids, exact opacities, live text, metadata), in the document's XMP packet.

XMP (ISO 16684-1) is RDF in XML; programs keep properties of namespaces that they do not know. The notes name every
layer in order: once another program has renamed, moved, added or removed layers, they are not trusted any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from xml.etree import ElementTree

from psd_tools import PSDImage
from psd_tools.constants import Resource
from psd_tools.psd.image_resources import ImageResource
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from layerize.errors import LayerizeError
from layerize.formats.manifest_model import Identifier, Opacity
from layerize.formats.own_marks import as_json
from layerize.formats.psd_records import opacity_byte, stored_name
from layerize.formats.xml_safe import OWN, parse_xml
from layerize.stack.composite import iter_nodes
from layerize.stack.layer import Group, LayerStack, Node

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP = "{adobe:ns:meta/}"
HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
TAIL = b'<?xpacket end="w"?>'
# Notes on some thousand layers; longer ones are not ours.
MAX_BYTES = 64 * 2**20

for prefix, namespace in (("rdf", RDF), ("x", XMP), ("layerize", OWN)):
    ElementTree.register_namespace(prefix, namespace[1:-1])


class _Note(BaseModel):
    """One layer or group; its name and size of tree tell whether it is still the one."""

    model_config = ConfigDict(extra="ignore", strict=True)

    name: str
    id: Identifier
    opacity: Opacity
    text: dict[str, JsonValue] | None = None


class _Notes(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    version: Annotated[int, Field(ge=1, le=1)]
    nodes: list[_Note]
    metadata: dict[str, JsonValue] = {}


def write_marks(document: PSDImage, stack: LayerStack) -> None:
    """Put the notes on a stack into the document that is to hold it.

    Raises:
        OutputError: The metadata or a live text is nothing that JSON can say.
    """
    nodes = [
        {"name": stored_name(node), "id": node.id, "opacity": float(node.opacity), "text": getattr(node, "text", None)}
        for node in iter_nodes(stack.layers)
    ]
    notes = as_json({"version": 1, "nodes": nodes, "metadata": stack.metadata})
    root = ElementTree.Element(f"{XMP}xmpmeta")
    description = ElementTree.SubElement(ElementTree.SubElement(root, f"{RDF}RDF"), f"{RDF}Description")
    description.set(f"{RDF}about", "")
    description.set(f"{OWN}stack", notes)
    packet = HEAD + ElementTree.tostring(root, encoding="utf-8") + TAIL
    resource = ImageResource(key=Resource.XMP_METADATA, data=packet)
    document._record.image_resources[Resource.XMP_METADATA] = resource


def with_marks(document: PSDImage, stack: LayerStack) -> LayerStack:
    """The stack with what the notes say of it; as it is where there are none or they are of another tree."""
    notes = _notes(document)
    if notes is None:
        return stack
    if not notes.nodes and len(document) == 0:  # a document without layers reads as its merged picture
        stack = stack.with_layers(())
    if [note.name for note in notes.nodes] != [node.name for node in iter_nodes(stack.layers)]:
        return stack
    if len({note.id for note in notes.nodes}) < len(notes.nodes):
        return stack
    marked = iter(notes.nodes)
    layers = tuple(_marked(node, marked) for node in stack.layers)
    return replace(stack, layers=layers, metadata=dict(notes.metadata))


def _marked(node: Node, notes: Any) -> Node:
    note: _Note = next(notes)
    same = opacity_byte(node.opacity) == opacity_byte(note.opacity)
    node = replace(node, id=note.id, opacity=note.opacity if same else node.opacity)
    if isinstance(node, Group):
        return replace(node, layers=tuple(_marked(member, notes) for member in node.layers))
    return replace(node, text=note.text)


def _notes(document: PSDImage) -> _Notes | None:
    packet = document.image_resources.get_data(Resource.XMP_METADATA)
    if not isinstance(packet, bytes) or OWN[1:-1].encode() not in packet or len(packet) > MAX_BYTES:
        return None
    try:
        root = parse_xml(packet.strip(b"\0"), "XMP")
        found = next((text for element in root.iter(f"{RDF}Description") if (text := _stored(element))), None)
        return _Notes.model_validate_json(found) if found else None
    except (LayerizeError, ValidationError, RecursionError):  # somebody else's; the pixels are what counts
        return None


def _stored(description: ElementTree.Element) -> str | None:
    """The notes as an attribute, as they are written, or as an element, as Adobe's programs may rewrite them."""
    return description.get(f"{OWN}stack") or description.findtext(f"{OWN}stack")
