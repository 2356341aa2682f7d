"""What a stack uses that exchange formats may have no place for, in words for warnings."""

from __future__ import annotations

from layerize.stack.composite import iter_nodes
from layerize.stack.layer import Group, Layer, LayerStack


def faded_groups(stack: LayerStack) -> bool:
    """Whether a pass-through group has an opacity, which OpenRaster, SVG and CSS know only of isolated groups."""
    return any(
        isinstance(node, Group) and node.blend == "pass-through" and node.opacity < 1
        for node in iter_nodes(stack.layers)
    )


def features(stack: LayerStack) -> list[str]:
    """What goes beyond plain visible pictures laid one over another: "groups", "blend modes" ..., in a fixed order."""
    nodes = list(iter_nodes(stack.layers))
    found = {
        "groups": any(isinstance(node, Group) for node in nodes),
        "blend modes": any(node.blend not in ("normal", "pass-through") for node in nodes),
        "opacity": any(node.opacity < 1 for node in nodes),
        "hidden layers": any(not node.visible for node in nodes),
        "live text": any(isinstance(node, Layer) and node.text is not None for node in nodes),
        "metadata": bool(stack.metadata),
    }
    return [name for name, used in found.items() if used]


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
