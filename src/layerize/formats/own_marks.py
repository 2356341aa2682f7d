"""What an XML format has no place for (ids, metadata, live text), kept in attributes of a namespace of our own."""

from __future__ import annotations

import json
from typing import Any, cast
from xml.etree.ElementTree import Element

from layerize.errors import InputError, OutputError
from layerize.formats.xml_safe import OWN
from layerize.stack.layer import BLEND_MODES, BlendMode, Layer, LayerStack, Node, new_id

# The longest id that a manifest takes too.
MAX_ID = 200


def mark_node(element: Element, node: Node) -> None:
    """Note a node's id, a layer's live text, and a pass-through group whose opacity the format takes for isolation."""
    element.set(f"{OWN}id", node.id)
    if isinstance(node, Layer):
        if node.text is not None:
            element.set(f"{OWN}text", as_json(node.text))
    elif node.blend == "pass-through" and node.opacity < 1:
        element.set(f"{OWN}blend", node.blend)


def mark_stack(root: Element, stack: LayerStack) -> None:
    """Note that we wrote this, and the stack's metadata."""
    root.set(f"{OWN}version", "1")
    if stack.metadata:
        root.set(f"{OWN}metadata", as_json(stack.metadata))


def as_json(value: Any) -> str:
    """ASCII JSON.

    Raises:
        OutputError: JSON cannot say it.
    """
    try:
        return json.dumps(value, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(f"the stack's metadata or live text cannot be written as JSON: {error}.") from error


class Marks:
    """Reads the marks of a file; ids that come twice are made new."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._seen: set[str] = set()

    def id_of(self, element: Element) -> str:
        """The node's id, a new one where the file has none."""
        found = element.get(f"{OWN}id", "")
        if not found or len(found) > MAX_ID or found in self._seen:
            found = new_id()
        self._seen.add(found)
        return found

    def text_of(self, element: Element) -> dict[str, Any] | None:
        """The live text of a layer."""
        return self._mapping(element, "text")

    def metadata_of(self, root: Element) -> dict[str, Any]:
        """The metadata of the stack."""
        return self._mapping(root, "metadata") or {}

    def _mapping(self, element: Element, key: str) -> dict[str, Any] | None:
        stored = element.get(OWN + key)
        if stored is None:
            return None
        try:
            value = json.loads(stored)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{self._label}: broken JSON in layerize:{key} ({error}); save the stack again."
            ) from error
        if not isinstance(value, dict):
            raise InputError(f"{self._label}: layerize:{key} is no JSON object; save the stack again.")
        return value


def number(element: Element, key: str, default: float, label: str) -> float:
    """A finite number of an attribute.

    Raises:
        InputError: It is none.
    """
    stored = element.get(key)
    try:
        value = default if stored is None else float(stored)
        if not -(2**31) <= value < 2**31:  # nor is NaN
            raise ValueError
    except ValueError:
        raise InputError(f"{label}: {key}={stored!r} is not a number that a stack can hold; correct it.") from None
    return value


def as_blend(name: str) -> BlendMode | None:
    """The blend mode of this name, None if it is none of the sixteen."""
    return cast(BlendMode, name) if name in BLEND_MODES else None
