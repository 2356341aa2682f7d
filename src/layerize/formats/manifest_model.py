"""The JSON of ``manifest.json`` as pydantic models, and its errors as sentences. Knows nothing of pixels or folders."""

from __future__ import annotations

import codecs
import difflib
import json
from collections import Counter
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from layerize.errors import InputError, OutputError
from layerize.formats.live_text import check_text
from layerize.stack.layer import U8, BlendMode, Group, GroupBlendMode, Layer, LayerStack

VERSION: Literal[1] = 1

# Keys of ``LayerStack.metadata`` that have a place of their own in the manifest; all others go to ``extra``.
FILE_KEYS = ("source", "licence", "caption", "model", "recompose_error", "history")

# Groups in groups in groups: Photoshop ends at 10, every recursion over the tree well above this.
MAX_GROUP_DEPTH = 100


def check_relative(path: str) -> str:
    """A path of the manifest: relative, POSIX separators, never upwards.

    Raises:
        ValueError: It could leave the folder.
    """
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or PurePosixPath(path).is_absolute():
        raise ValueError(f"the path {path!r} must be relative and stay in the folder")
    if "\\" in path or PureWindowsPath(path).drive or "\0" in path:
        raise ValueError(f"the path {path!r} must use '/' and name no drive")
    return path


RelativePath = Annotated[str, AfterValidator(check_relative)]
Coordinate = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Side = Annotated[int, Field(ge=1, lt=2**31)]
Opacity = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LayerEntry(_Strict):
    """One leaf layer; ``group`` is the id of the group it is in."""

    id: Identifier
    name: str
    image: RelativePath
    offset: tuple[Coordinate, Coordinate] = (0, 0)
    opacity: Opacity = 1.0
    blend: BlendMode = "normal"
    visible: bool = True
    group: str | None = None
    text: Annotated[dict[str, JsonValue], AfterValidator(check_text)] | None = None

    @classmethod
    def of(cls, layer: Layer, *, image: str, offset: tuple[int, int], group: str | None) -> LayerEntry:
        """The entry that describes a layer."""
        with _Unfit(f"layer {layer.name!r}"):
            return cls(
                id=layer.id,
                name=layer.name,
                image=image,
                offset=(int(offset[0]), int(offset[1])),
                opacity=float(layer.opacity),
                blend=layer.blend,
                visible=layer.visible,
                group=group,
                text=layer.text,
            )

    def layer(self, pixels: U8) -> Layer:
        """The layer that this entry and its pixels describe."""
        return Layer(
            pixels=pixels,
            name=self.name,
            offset=self.offset,
            opacity=self.opacity,
            blend=self.blend,
            visible=self.visible,
            id=self.id,
            text=self.text,
        )


class GroupEntry(_Strict):
    """One group; ``parent`` is the id of the group around it, ``index`` places an empty group among its siblings."""

    id: Identifier
    name: str
    opacity: Opacity = 1.0
    blend: GroupBlendMode = "pass-through"
    visible: bool = True
    parent: str | None = None
    index: Annotated[int, Field(ge=0)] | None = None

    @classmethod
    def of(cls, group: Group, *, parent: str | None, index: int | None) -> GroupEntry:
        """The entry that describes a group."""
        with _Unfit(f"group {group.name!r}"):
            return cls(
                id=group.id,
                name=group.name,
                opacity=float(group.opacity),
                blend=group.blend,
                visible=group.visible,
                parent=parent,
                index=index,
            )

    def group(self, layers: tuple[Layer | Group, ...]) -> Group:
        """The group that this entry and its members describe."""
        return Group(
            layers=layers, name=self.name, opacity=self.opacity, blend=self.blend, visible=self.visible, id=self.id
        )


class Manifest(_Strict):
    """The whole file; ``docs/formats.md`` describes it for people."""

    version: Literal[1]
    size: tuple[Side, Side]
    composite: RelativePath | None = None
    source: str | None = None
    licence: str | None = None
    caption: str | None = None
    layers: list[LayerEntry]
    groups: list[GroupEntry] = []
    model: dict[str, JsonValue] | None = None
    recompose_error: Annotated[int | float, Field(ge=0, le=255)] | None = None
    history: list[str | dict[str, JsonValue]] | None = None
    extra: dict[str, JsonValue] = {}

    @classmethod
    def of(cls, stack: LayerStack, layers: list[LayerEntry], groups: list[GroupEntry]) -> Manifest:
        """The manifest of a stack whose entries are at hand.

        Raises:
            OutputError: The metadata cannot be written as JSON or have impossible values.
        """
        known = {key: stack.metadata[key] for key in FILE_KEYS if key in stack.metadata}
        extra = {key: value for key, value in stack.metadata.items() if key not in FILE_KEYS}
        with _Unfit("the stack's metadata"):
            return cls(
                version=VERSION,
                size=stack.size,
                composite="composite.png",
                layers=layers,
                groups=groups,
                extra=extra,
                **known,
            )

    def to_json(self) -> str:
        """Indented JSON, in any script; absent facts are left out, file-name bytes that are no text become ``?``.

        Raises:
            OutputError: A number is not finite, which JSON cannot say.
        """
        data = self.model_dump(mode="json")
        optional = {"composite", "extra", "groups", *FILE_KEYS}
        data = {key: value for key, value in data.items() if value not in (None, [], {}) or key not in optional}
        try:
            text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        except ValueError as error:
            message = "the stack's metadata cannot be written: a number is NaN or infinite; JSON has finite ones only."
            raise OutputError(message) from error
        return text.encode(errors="replace").decode()

    @model_validator(mode="after")
    def _check_tree(self) -> Manifest:
        ids = [entry.id for entry in self.layers] + [entry.id for entry in self.groups]
        if twice := [name for name, count in Counter(ids).items() if count > 1]:
            raise ValueError(f"the id {twice[0]!r} is used twice; every layer and group needs its own")
        parents = {entry.id: entry.parent for entry in self.groups}
        for owner, group in [(e.name, e.group) for e in self.layers] + [(e.name, e.parent) for e in self.groups]:
            if group is not None and group not in parents:
                raise ValueError(f"{owner!r} is in the group {group!r}, which is not in groups")
        for start in parents:
            seen, group = set(), start
            while group is not None:
                if group in seen:
                    raise ValueError(f"the group {start!r} contains itself")
                seen.add(group)
                if len(seen) > MAX_GROUP_DEPTH:
                    raise ValueError(f"the group {start!r} lies more than {MAX_GROUP_DEPTH} groups deep")
                group = parents[group]
        return self


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Validate a manifest's bytes.

    Raises:
        InputError: One sentence with the file, the place in it, what was found and what is allowed.
    """
    try:
        return Manifest.model_validate_json(data.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        raise InputError(f"{where}: {_sentence(error)}") from error


class _Unfit:
    """Turns a ValidationError while writing into an OutputError."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValidationError):
            raise OutputError(f"{self.what} cannot be written: {_sentence(error)}") from error


_KEYS: dict[str, list[str]] = {
    "layers": list(LayerEntry.model_fields),
    "groups": list(GroupEntry.model_fields),
    "": list(Manifest.model_fields),
}


def _sentence(error: ValidationError) -> str:
    """The first complaint as a sentence."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    match first["type"]:
        case "json_invalid":
            return f"broken JSON, {first['msg'].removeprefix('Invalid JSON: ')}; correct it or save the stack again."
        case "extra_forbidden":
            key = str(first["loc"][-1])
            names = _KEYS[str(first["loc"][0]) if len(first["loc"]) > 1 else ""]
            near = difflib.get_close_matches(key, names, n=1, cutoff=0)
            return f"unknown key {key!r} at {place}; the nearest valid name is {near[0]!r}."
        case "missing":
            return f"{place} is missing; add it."
        case "value_error":
            return f"{place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}."
        case _:
            return f"{place or 'the document'} is {_shown(first['input'])}; {_lower(first['msg'])}."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
