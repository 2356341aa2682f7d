"""The edits as methods of ``LayerStack``; what each does is told by the function of its name in ``edit.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from layerize.stack.adjust import Channel
    from layerize.stack.anchor import About
    from layerize.stack.colour import Colour
    from layerize.stack.gradient import Gradient
    from layerize.stack.layer import U8, LayerStack, Node
    from layerize.stack.relayout import CanvasFit
    from layerize.stack.replace import KeptAlpha
    from layerize.stack.resample import Fit
    from layerize.stack.transform import Axis
    from layerize.stack.tree import Ref


class EditMethods:
    """Every method returns a new stack; the edits load with the first of them, since they need this class's own."""

    @property
    def _stack(self) -> LayerStack:
        return cast("LayerStack", self)

    def find(self, ref: Ref) -> Node:
        """The layer or group with this index (0 = bottom), id or name."""
        from layerize.stack import edit

        return edit.find(self._stack, ref)

    def move(self, ref: Ref, *, dx: int = 0, dy: int = 0) -> LayerStack:
        """Shift a layer or group by whole pixels."""
        from layerize.stack import edit

        return edit.move(self._stack, ref, dx=dx, dy=dy)

    def resize(
        self,
        ref: Ref,
        *,
        scale: float | None = None,
        size: tuple[int | None, int | None] | None = None,
        about: About = "center",
        keep_aspect: bool = False,
    ) -> LayerStack:
        """Resize a layer or group by a factor or to (width, height); the point ``about`` stays."""
        from layerize.stack import edit

        return edit.resize(self._stack, ref, scale=scale, size=size, about=about, keep_aspect=keep_aspect)

    def rotate(self, ref: Ref, degrees: float, *, about: About = "center") -> LayerStack:
        """Turn a layer or group clockwise about a point."""
        from layerize.stack import edit

        return edit.rotate(self._stack, ref, degrees, about=about)

    def flip(self, ref: Ref, axis: Axis = "horizontal") -> LayerStack:
        """Mirror a layer or group in its place."""
        from layerize.stack import edit

        return edit.flip(self._stack, ref, axis)

    def opacity(self, ref: Ref, value: float) -> LayerStack:
        """Set a layer's or group's opacity, 0..1."""
        from layerize.stack import edit

        return edit.opacity(self._stack, ref, value)

    def blend(self, ref: Ref, mode: str) -> LayerStack:
        """Set how a layer or group mixes with what lies below it."""
        from layerize.stack import edit

        return edit.blend(self._stack, ref, mode)

    def hide(self, ref: Ref) -> LayerStack:
        """Leave a layer or group out of the composite."""
        from layerize.stack import edit

        return edit.hide(self._stack, ref)

    def show(self, ref: Ref) -> LayerStack:
        """Undo ``hide``."""
        from layerize.stack import edit

        return edit.show(self._stack, ref)

    def rename(self, ref: Ref, name: str) -> LayerStack:
        """Give a layer or group another name."""
        from layerize.stack import edit

        return edit.rename(self._stack, ref, name)

    def delete(self, ref: Ref) -> LayerStack:
        """Take a layer or group out of the stack."""
        from layerize.stack import edit

        return edit.delete(self._stack, ref)

    def duplicate(self, ref: Ref, *, name: str | None = None) -> LayerStack:
        """Put a copy of a layer or group directly above it."""
        from layerize.stack import edit

        return edit.duplicate(self._stack, ref, name=name)

    def reorder(self, ref: Ref, index: int) -> LayerStack:
        """Put a layer or group at another place among its siblings, 0 = bottom."""
        from layerize.stack import edit

        return edit.reorder(self._stack, ref, index)

    def group(self, refs: Sequence[Ref], *, name: str = "Group") -> LayerStack:
        """Put layers or groups of one level into a new group."""
        from layerize.stack import edit

        return edit.group(self._stack, refs, name=name)

    def ungroup(self, ref: Ref) -> LayerStack:
        """Put a group's members in its place."""
        from layerize.stack import edit

        return edit.ungroup(self._stack, ref)

    def merge(self, refs: Sequence[Ref], *, name: str | None = None, exact: bool = True) -> LayerStack:
        """Make one layer of several, if the composite stays the same within 1/255."""
        from layerize.stack import edit

        return edit.merge(self._stack, refs, name=name, exact=exact)

    def crop(self, x: int, y: int, width: int, height: int, *, trim: bool = False) -> LayerStack:
        """Keep a box of the canvas."""
        from layerize.stack import edit

        return edit.crop(self._stack, x, y, width, height, trim=trim)

    def extend(
        self, *, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0, fill: Colour | None = None
    ) -> LayerStack:
        """Add room around the canvas."""
        from layerize.stack import edit

        return edit.extend(self._stack, left=left, top=top, right=right, bottom=bottom, fill=fill)

    def relayout(
        self,
        size: tuple[int, int],
        *,
        anchors: Mapping[Ref, str] | None = None,
        fits: Mapping[Ref, CanvasFit] | None = None,
    ) -> LayerStack:
        """Lay the design out on a canvas of another size and shape."""
        from layerize.stack import edit

        return edit.relayout(self._stack, size, anchors=anchors, fits=fits)

    def recolor(self, ref: Ref, colour: Colour) -> LayerStack:
        """Give a layer or group another colour and keep its shading."""
        from layerize.stack import edit

        return edit.recolor(self._stack, ref, colour)

    def hue(self, ref: Ref, degrees: float) -> LayerStack:
        """Turn all hues of a layer or group by an angle."""
        from layerize.stack import edit

        return edit.hue(self._stack, ref, degrees)

    def tint(self, ref: Ref, colour: Colour, *, amount: float = 0.5) -> LayerStack:
        """Pull the hue and saturation of a layer or group towards a colour."""
        from layerize.stack import edit

        return edit.tint(self._stack, ref, colour, amount=amount)

    def duotone(self, ref: Ref, dark: Colour, light: Colour) -> LayerStack:
        """Replace a layer's or group's colours by those between two."""
        from layerize.stack import edit

        return edit.duotone(self._stack, ref, dark, light)

    def palette(self, ref: Ref, colours: Mapping[Colour, Colour] | Sequence[Colour]) -> LayerStack:
        """Swap colours of a layer or group: old → new, or a new palette for its main colours."""
        from layerize.stack import edit

        return edit.palette(self._stack, ref, colours)

    def brightness(self, ref: Ref, amount: float) -> LayerStack:
        """Lighten or darken a layer or group, -1..1."""
        from layerize.stack import edit

        return edit.brightness(self._stack, ref, amount)

    def contrast(self, ref: Ref, amount: float) -> LayerStack:
        """Spread or gather the tones of a layer or group, -1..1."""
        from layerize.stack import edit

        return edit.contrast(self._stack, ref, amount)

    def saturation(self, ref: Ref, amount: float) -> LayerStack:
        """Make the colours of a layer or group stronger or weaker, -1..1."""
        from layerize.stack import edit

        return edit.saturation(self._stack, ref, amount)

    def curves(self, ref: Ref, points: Sequence[tuple[float, float]], *, channel: Channel = "rgb") -> LayerStack:
        """Send the tones of a layer or group through a smooth curve, points in 0..255."""
        from layerize.stack import edit

        return edit.curves(self._stack, ref, points, channel=channel)

    def replace(self, ref: Ref, pixels: U8, *, fit: Fit = "contain", alpha: KeptAlpha = "new") -> LayerStack:
        """Put another picture in a layer's place."""
        from layerize.stack import edit

        return edit.replace(self._stack, ref, pixels, fit=fit, alpha=alpha)

    def background(self, value: Colour | Gradient | U8, *, fit: Fit = "cover", shadows: bool = False) -> LayerStack:
        """Give the stack another background: a colour, a gradient or a picture."""
        from layerize.stack import edit

        return edit.background(self._stack, value, fit=fit, shadows=shadows)

    def shadow(
        self,
        ref: Ref,
        *,
        dx: int = 6,
        dy: int = 8,
        blur: float = 12.0,
        spread: float = 0.0,
        colour: Colour = "black",
        opacity: float = 0.4,
        bake: bool = False,
    ) -> LayerStack:
        """Give a layer or group a drop shadow."""
        from layerize.stack import edit

        return edit.shadow(
            self._stack, ref, dx=dx, dy=dy, blur=blur, spread=spread, colour=colour, opacity=opacity, bake=bake
        )

    def outline(
        self, ref: Ref, *, width: float = 4.0, colour: Colour = "white", opacity: float = 1.0, bake: bool = False
    ) -> LayerStack:
        """Give a layer or group an outline."""
        from layerize.stack import edit

        return edit.outline(self._stack, ref, width=width, colour=colour, opacity=opacity, bake=bake)

    def feather(self, ref: Ref, radius: float) -> LayerStack:
        """Make the edge of a layer or group soft."""
        from layerize.stack import edit

        return edit.feather(self._stack, ref, radius)

    def grow(self, ref: Ref, pixels: float) -> LayerStack:
        """Widen a layer or group all around, or narrow it (below 0)."""
        from layerize.stack import edit

        return edit.grow(self._stack, ref, pixels)

    def clean_edge(
        self, ref: Ref, *, width: float = 2.0, strength: float = 1.0, shrink: float = 0.0, floor: float = 0.02
    ) -> LayerStack:
        """Take the old background's colour out of an edge."""
        from layerize.stack import edit

        return edit.clean_edge(self._stack, ref, width=width, strength=strength, shrink=shrink, floor=floor)
