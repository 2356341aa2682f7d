"""Composer: fills a layout with elements and piles up exactly the wanted number of levels."""

from __future__ import annotations

from collections.abc import Callable

from layerize.synth import fonts, lettering, words
from layerize.synth.colour import Colour, Palette, readable
from layerize.synth.config import DesignConfig
from layerize.synth.dice import Dice
from layerize.synth.element_items import real_figure, real_photo
from layerize.synth.elements import ElementBank
from layerize.synth.heroes import Item, figure, icon, shadow_for
from layerize.synth.layouts import Layout
from layerize.synth.raster import Box, Finish
from layerize.synth.scene import Placed, Scene
from layerize.synth.surfaces import badge, panel, photo, shape

_CARRIERS = ("panel", "photo", "shape", "badge")
_TRIES = 4


class Composer:
    """Draws one design's elements.

    Args:
        scene: Background, nothing placed yet.
        dice: Source of all choices.
        palette: Colours.
        config: Difficulty.
        depth: Highest level wanted (number of layers minus one).
        elements: Real cut-outs to use besides the drawn figures and pictures.
    """

    def __init__(
        self,
        scene: Scene,
        dice: Dice,
        palette: Palette,
        config: DesignConfig,
        depth: int,
        elements: ElementBank | None = None,
    ) -> None:
        self.scene = scene
        self.dice = dice
        self.palette = palette
        self.config = config
        self.depth = depth
        self.elements = elements
        self._short = min(scene.size)

    def compose(self, layout: Layout) -> bool:
        """Fill the layout; False if the wanted depth could not be reached."""
        if not self._anchor(layout, 0) or not self._pile():
            return False
        for i in range(1, len(layout.anchors)):
            if self._anchor(layout, i) and self.depth > 1 and self.dice.chance(0.5):
                self._on_top(self.scene.placed[-1], last=True)
        for i, box in enumerate(layout.texts):
            if self.dice.chance(self.config.text_probability if i else min(1.0, self.config.text_probability * 1.15)):
                self._text(
                    self._absolute(box), words.headline(self.dice) if i == 0 else words.small_line(self.dice), (1, 1)
                )
        self._enrich()
        for box in self.dice.sample(layout.decor, self.dice.integer(0, self.config.decor)):
            self._decor(self._absolute(box))
        return self.scene.height == self.depth

    # --- the pile ---------------------------------------------------------------------------------------------------

    def _pile(self) -> bool:
        """Put elements on the highest one until the wanted depth is reached."""
        while self.scene.height < self.depth:
            top = [p for p in self.scene.placed if p.level == self.scene.height]
            support = max(top, key=lambda p: p.total)
            if not any(self._on_top(support, last=self.scene.height == self.depth - 1) for _ in range(_TRIES)):
                return False
        return True

    def _on_top(self, support: Placed, *, last: bool) -> bool:
        """One element that suits what it lies on."""
        kind = support.item.kind
        if kind in _CARRIERS:
            return self._fill_carrier(support, last=last)
        if kind == "text":
            return self._beside(
                support, last=last, size=self.dice.uniform(0.5, 1.1) * max(support.box.h, self._short * 0.25)
            )
        filled = self.dice.weighted({"beside": 0.5, "sign": 0.25, "text": 0.25})
        choice = filled if last else self.dice.weighted({"beside": 0.4, "badge": 0.25, "ribbon": 0.35})
        side = max(self.dice.uniform(0.3, 0.5) * min(support.box.w, support.box.h), self._short * 0.2)
        if choice == "ribbon":
            return self._ribbon(support)
        if choice == "badge":
            area = self._over_corner(support, side)
            return self._put(lambda below: badge(self.dice, self.config, self.palette, below, area), area)
        if choice == "sign":
            area = self._over_corner(support, side * 0.85)
            return self._put(lambda below: icon(self.dice, self.config, self.palette, below, area), area)
        if choice == "text":
            return self._across(support)
        return self._beside(support, last=last, size=self.dice.uniform(0.45, 0.95) * max(support.box.w, support.box.h))

    def _fill_carrier(self, support: Placed, *, last: bool) -> bool:
        """Content for a panel, picture, shape or badge."""
        box = support.box
        if support.item.kind == "badge" or (last and self.dice.chance(0.55)):
            inner = box.inset(0.2 if support.item.kind in ("badge", "shape") else 0.08)
            short = support.item.kind == "badge" or min(inner.w, inner.h) < 0.28 * self._short
            text = words.label(self.dice) if short else words.headline(self.dice)
            if self._text(inner, text, (1, self.depth)):
                return True
            return self._put(lambda below: icon(self.dice, self.config, self.palette, below, inner.inset(0.1)), inner)
        if last or self.dice.chance(0.6):
            area = self._within(box, 0.55, 0.95)
            return self._hero(area)
        area = self._within(box, 0.55, 0.85)
        maker = self.dice.weighted({panel: 0.35, self._photo: 0.35, shape: 0.3})
        return self._put(lambda below: maker(self.dice, self.config, self.palette, below, area), area)

    def _within(self, box: Box, low: float, high: float) -> Box:
        """A random box inside another; its sides are ``low`` to ``high`` of the outer ones."""
        w, h = box.w * self.dice.uniform(low, high), box.h * self.dice.uniform(low, high)
        return Box(
            box.x + (box.w - w) * self.dice.uniform(0.1, 0.9), box.y + (box.h - h) * self.dice.uniform(0.1, 1.0), w, h
        )

    def _beside(self, support: Placed, *, last: bool, size: float) -> bool:
        """Another hero that stands partly in front."""
        box = support.box
        angle = self.dice.uniform(0.3, 0.62) * self.dice.sign()
        x = box.centre[0] + angle * box.w - size / 2
        y = box.y + box.h - size * self.dice.uniform(0.55, 1.0)
        return self._hero(Box(x, y, size, size))

    def _ribbon(self, support: Placed) -> bool:
        """A band across the lower part of a figure."""
        box, w = support.box, self.scene.size[0]
        high = self.dice.uniform(0.2, 0.32) * max(box.h, self._short * 0.5)
        wide = min(box.w * self.dice.uniform(0.9, 1.5), w * 1.02)
        area = Box(box.centre[0] - wide / 2, box.y + box.h * self.dice.uniform(0.6, 0.85), wide, high)
        return self._put(lambda below: panel(self.dice, self.config, self.palette, below, area, name="Ribbon"), area)

    def _across(self, support: Placed) -> bool:
        """A line of text across the lower half of a figure."""
        box = support.box
        high = max(box.h * 0.25, self._short * 0.13)
        area = self._kept_inside(
            Box(box.centre[0] - box.w * 0.6, box.y + box.h * self.dice.uniform(0.55, 0.8), box.w * 1.2, high), 0.0
        )
        return self._text(area, words.headline(self.dice), (1, self.depth))

    def _over_corner(self, support: Placed, side: float) -> Box:
        """A square over a corner of an element."""
        box = support.box
        x = box.centre[0] + self.dice.sign() * box.w * self.dice.uniform(0.15, 0.4) - side / 2
        y = box.centre[1] + self.dice.sign() * box.h * self.dice.uniform(0.15, 0.4) - side / 2
        return self._kept_inside(Box(x, y, side, side), 0.15)

    # --- single elements --------------------------------------------------------------------------------------------

    def _anchor(self, layout: Layout, index: int) -> bool:
        """The main element (index 0) or another one of the layout; at level 1."""
        box = self._absolute(layout.anchors[index])
        carrier = (layout.panel and index == 0) or (
            self.depth > 1 and self.dice.chance((0.0, 0.0, 0.35, 0.55, 0.75, 0.85)[min(self.depth, 5)])
        )
        if carrier and self.depth > 1:
            maker = panel if layout.panel else self.dice.weighted({panel: 0.4, self._photo: 0.3, shape: 0.3})
            return self._put(lambda below: maker(self.dice, self.config, self.palette, below, box), box, (1, 1))
        return self._hero(box, (1, 1))

    def _hero(self, box: Box, levels: tuple[int, int] | None = None) -> bool:
        """A person, creature, thing, sign or picture."""
        kind = self.dice.weighted(dict(self.config.hero_weights))

        def make(below: Colour) -> Item:
            if kind == "photo":
                return self._photo(self.dice, self.config, self.palette, below, box)
            if self._is_real("figure"):
                assert self.elements is not None
                real = real_figure(self.dice, self.config, self.elements, below, box)
                if real is not None:
                    return real
            if kind == "icon":
                return icon(self.dice, self.config, self.palette, below, box)
            return figure(self.dice, self.config, self.palette, below, kind, box)

        return self._put(make, box, levels)

    def _photo(self, dice: Dice, config: DesignConfig, palette: Palette, below: Colour, box: Box) -> Item:
        """A framed picture, real or drawn."""
        if self._is_real("photo"):
            assert self.elements is not None
            real = real_photo(dice, config, palette, self.elements, below, box)
            if real is not None:
                return real
        return photo(dice, config, palette, below, box)

    def _is_real(self, kind: str) -> bool:
        """Whether the next element of a kind comes from the bank."""
        has = self.elements is not None and self.elements.has(kind)
        return has and self.dice.chance(self.config.element_share)

    def _text(self, box: Box, text: str, levels: tuple[int, int]) -> bool:
        """A text fitted to a box, readable on what lies below."""
        dice, below = self.dice, self.scene.colour_below(box)
        colour = readable(dice, below, dice.pick((*self.palette.colours, self.palette.dark, self.palette.light)))
        if dice.chance(self.config.ideogram_probability):
            return self._place(Item("text", "Text", lettering.ideograms(dice, box, colour), text=None), levels)
        face = fonts.draw_typeface(dice, use_system_fonts=self.config.use_system_fonts)
        arc = dice.chance(0.12) and box.h > 0.2 * self._short
        outlined = dice.chance(0.1)
        stroke = readable(dice, colour, below) if outlined else None
        if dice.chance(0.3):
            text = text.upper()
        align = dice.weighted({"centre": 0.7, "left": 0.2, "right": 0.1})
        for words_ in (text, words.label(dice)):
            fitted = lettering.fit(
                dice,
                words_,
                box,
                face,
                colour,
                least_cap=self.config.least_cap_height,
                align=align,
                arc=arc,
                stroke=stroke,
            )
            if fitted is not None:
                size = fitted.cap_height * 1.5
                finish = (
                    Finish(shadow=shadow_for(dice, size))
                    if dice.chance(self.config.shadow_probability * 0.5)
                    else Finish()
                )
                item = Item("text", "Text", fitted.draw, finish, text=fitted.text)
                return self._place(item, levels)
        return False

    def _decor(self, box: Box) -> bool:
        """A small ornament on the background."""
        area = self._within(box, 0.6, 1.0)
        return self._put(lambda below: icon(self.dice, self.config, self.palette, below, area), area, (1, 1))

    def _enrich(self) -> None:
        """Most empty carriers get a content, and a figure now and then a companion."""
        for placed in [p for p in self.scene.placed if p.level < self.depth and self.scene.is_free(p)]:
            carrier = placed.item.kind in _CARRIERS and placed.item.kind != "photo"
            if self.dice.chance(0.8 if carrier else 0.05 if placed.item.kind == "text" else 0.15):
                self._on_top(placed, last=True)

    def _put(self, make: Callable[[Colour], Item], box: Box, levels: tuple[int, int] | None = None) -> bool:
        return self._place(make(self.scene.colour_below(box)), levels or (1, self.depth))

    def _place(self, item: Item, levels: tuple[int, int]) -> bool:
        least = self.config.least_text_visible if item.kind in ("text", "badge") else self.config.least_visible
        return self.scene.place(item, self.dice, range(levels[0], levels[1] + 1), least) is not None

    def _absolute(self, box: Box) -> Box:
        w, h = self.scene.size
        return Box(box.x * w, box.y * h, box.w * w, box.h * h)

    def _kept_inside(self, box: Box, outside: float) -> Box:
        """The box moved so that at most ``outside`` of each side lies beyond the canvas."""
        (w, h), dx, dy = self.scene.size, box.w * outside, box.h * outside
        return Box(max(min(box.x, w - box.w + dx), -dx), max(min(box.y, h - box.h + dy), -dy), box.w, box.h)
