"""What every reader of design files gives: a stack, the file's own merged picture, and flags.

Knows nothing of files; the readers are in ``layerize.data.readers``.
"""

from __future__ import annotations

from dataclasses import dataclass

from layerize.stack.layer import U8, LayerStack

FLAGS: dict[str, str] = {
    # what the stack shows otherwise than the file: see LOSSES
    "adjustment": "an adjustment or fill without pixels that acts on what lies below it; left out",
    "artboards": "several artboards, each a picture of its own, on one canvas",
    "blend-if": "the layer hides some tones or channels of itself (Blend If); all of it is drawn",
    "blend-replaced": "a blend mode that a stack does not have was replaced by the nearest",
    "damaged": "a part of the file is damaged and was left out or is transparent",
    "effect": "a layer effect that is not drawn, or only approximately",
    "external-link": "a picture or file outside the document, which is never fetched",
    "knockout": "the layer punches a hole into the layers below it; drawn without the hole",
    "lost": "an element that a stack cannot hold was left out",
    "lost-text": "text in a form that is not drawn (SVG 1.2 flowRoot)",
    "missing-font": "a font family that is not installed here; another one was drawn",
    # what is baked into a layer's pixels
    "adjustment-baked": "an adjustment was drawn into the layer that it is clipped to, or into each layer below it",
    "clip": "layers clipped to this one were drawn into it",
    "effect-baked": "the layer's effects were drawn into its pixels",
    "fill-opacity": "the layer's fill opacity was multiplied into its pixels or its opacity",
    "filter": "the drawing's filters were drawn into the pixels",
    "flattened": "a group was drawn as one layer, because a stack cannot hold what acts on it as a whole",
    "mask": "the layer's pixel mask was multiplied into its alpha",
    "vector-mask": "the layer's vector mask was multiplied into its alpha",
    # what the layer or the file is
    "artboard": "the document is an artboard; its background became a layer, its members are cut to it",
    "animation": "an animated document; the frame shown is taken",
    "blend": "a blend mode other than normal",
    "empty": "a layer without any pixel; left out",
    "hidden": "the layer, or a group around it, is hidden",
    "off-canvas": "pixels of the layer lie outside the canvas",
    "shape": "a vector shape; its pixels are taken",
    "smart-object": "an embedded or linked document; its pixels are taken, its own layers stay inside",
    "text": "a text layer; its pixels are taken",
    "grouped": "loose objects were grouped by nearness",
    "no-layers": "the file has no layers; its merged picture is the one layer",
    # colour and depth
    "16-bit": "16 bits per channel; rounded to 8",
    "32-bit": "32 bits per channel, linear light; converted to 8-bit sRGB",
    "bitmap": "1 bit per pixel",
    "cmyk": "CMYK; converted to sRGB",
    "colour-profile": "an embedded colour profile other than sRGB, or a broken one",
    "duotone": "duotone; read as grey",
    "grey": "greyscale",
    "indexed": "indexed colour; the palette was applied",
    "lab": "CIE Lab; converted to sRGB",
    "multichannel": "multichannel; the first channels are read as inks",
    # the merged picture
    "blank-preview": "the merged picture has a single colour, so it proves nothing",
    "no-preview": "the file holds no merged picture to check the layers against",
    "preview-size": "the merged picture has another size than the canvas and was not used",
    "scaled": "drawn smaller than its own size, to stay within the limit",
}
"""Every kind of flag and what it means."""

LOSSES = frozenset(
    {
        "adjustment",
        "artboards",
        "blend-if",
        "blend-replaced",
        "damaged",
        "effect",
        "external-link",
        "knockout",
        "lost",
        "lost-text",
        "missing-font",
    }
)
"""The flags after which the stack may look otherwise than the author's program shows the file."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """What a stack cannot hold, or what a user of the file should know.

    Attributes:
        kind: A key of ``FLAGS``.
        layer: The layer's name, "" for the file as a whole.
        detail: In words: which mode, which effect, how much.
    """

    kind: str
    layer: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        assert self.kind in FLAGS, self.kind


@dataclass(frozen=True, kw_only=True, eq=False)
class DesignFile:
    """One design file, read.

    Attributes:
        stack: The file's tree bottom to top: groups, hidden layers, names, blend modes, opacities, offsets. Masks,
            clipping and the effects that can be drawn are in the leaves' pixels, each with a flag; ``Layer.text`` is
            ``{"content": ...}`` where the file has it.
        preview: ``u8`` (H, W, 4) of the canvas size, straight alpha: the file's own merged picture, as its program
            saved it (SVG: drawn as a whole); None where there is none.
        preview_has_alpha: Whether the preview's transparency is meant; if not, it is opaque over white.
        flags: What is lost, baked, or worth knowing.
        format: "psd", "psb", "ora", "kra", "xcf", "svg" or "manifest".
    """

    stack: LayerStack
    preview: U8 | None
    preview_has_alpha: bool
    flags: tuple[Flag, ...]
    format: str
