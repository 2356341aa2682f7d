"""Typefaces that text can be matched with: the machine's (found by fontconfig) and the package's own.

Facts about a face come from its tables through HarfBuzz (uharfbuzz); named instances of variable fonts are faces too.
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from layerize.errors import InputError, MissingExtraError

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
MAX_FACES = 4000
"""Faces that are looked at; a search over this many takes about half a second."""
FC_LIST_SECONDS = 20.0

# The package's own fonts are subsets, some under other names as their licences ask: PostScript name to the family,
# style and PostScript name of the font that each was made from.
ORIGINALS = {
    "LayerizePoster": ("Bebas Neue", "Bold", "BebasNeueBold"),
    "LayerizeRound": ("Quicksand", "Bold", "Quicksand-Bold"),
    "LayerizeScript": ("Kaushan Script", "Regular", "KaushanScript-Regular"),
    "LayerizeSerif": ("DejaVu Serif", "Bold", "DejaVuSerif-Bold"),
    "Roboto-Black": ("Roboto", "Black", "Roboto-Black"),
    "Roboto-Medium": ("Roboto", "Medium", "Roboto-Medium"),
}


@dataclass(frozen=True, kw_only=True)
class FontFace:
    """One face of a font file.

    Attributes:
        file: The font file.
        index: Of the face in a collection.
        instance: Coordinates of a named instance of a variable font, as (axis, value).
        family: Typographic family ("Roboto"); with ``style`` ("Black Italic") it names the face.
        style: Typographic style.
        name: PostScript name, what a manifest finds it by.
        office: Family, bold and italic as office programs and Windows name it ("Roboto Black", False, True).
        weight: 1..1000, 400 regular, 700 bold.
        italic: Italic or oblique.
        script: Whether the font says that it looks like handwriting.
        ascent: Above the baseline in em, as line layout counts it.
        descent: Below the baseline in em, positive.
        line_gap: Between lines in em.
        bundled: From the package.
    """

    file: Path
    index: int = 0
    instance: tuple[tuple[str, float], ...] = ()
    family: str
    style: str
    name: str
    office: tuple[str, bool, bool]
    weight: int
    italic: bool
    script: bool
    ascent: float
    descent: float
    line_gap: float = 0.0
    bundled: bool = False

    def missing(self, text: str) -> str:
        """The characters of ``text``, each once, that the face has no glyph for; white space is never missing."""
        font = hb_font(self)
        return "".join(c for c in dict.fromkeys(text) if not c.isspace() and font.get_nominal_glyph(ord(c)) is None)


def harfbuzz() -> Any:
    """The module uharfbuzz.

    Raises:
        MissingExtraError: It is absent.
    """
    try:
        import uharfbuzz
    except ImportError as error:
        raise MissingExtraError("Matching and setting text", "uharfbuzz", "text") from error
    return uharfbuzz


def skia_module() -> Any:
    """The module skia.

    Raises:
        MissingExtraError: It is absent.
    """
    try:
        import skia
    except ImportError as error:
        raise MissingExtraError("Matching and setting text", "skia-python", "text") from error
    return skia


@cache
def installed_faces() -> tuple[FontFace, ...]:
    """The machine's faces, then the package's, without a face that comes twice."""
    return unique([*_readable(_installed_files()), *bundled_faces()])


@cache
def bundled_faces() -> tuple[FontFace, ...]:
    """The faces that come with the package."""
    folder = resources.files("layerize") / "synth" / "fonts"
    files = sorted(Path(str(entry)) for entry in folder.iterdir() if Path(entry.name).suffix in SUFFIXES)
    return tuple(_original(face) for file in files for face in read_faces(file, bundled=True))


def _original(face: FontFace) -> FontFace:
    if face.name not in ORIGINALS:
        return face
    family, style, name = ORIGINALS[face.name]
    office = (family, style == "Bold", False) if style in ("Regular", "Bold") else (f"{family} {style}", False, False)
    return replace(face, family=family, style=style, name=name, office=office)


def faces_in(folder: Path) -> tuple[FontFace, ...]:
    """The faces of all font files below a folder, by path; broken files are left out."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return unique(list(_readable(files)))


def unique(faces: Sequence[FontFace]) -> tuple[FontFace, ...]:
    """The faces without those of a PostScript name that came before, at most ``MAX_FACES``."""
    first: dict[str, FontFace] = {}
    for face in faces:
        first.setdefault(face.name, face)
    return tuple(first.values())[:MAX_FACES]


def face_of_file(file: Path) -> FontFace:
    """The first face of a font file.

    Raises:
        InputError: It is missing or no font.
    """
    faces = read_faces(file)
    regular = [face for face in faces if face.instance and face.weight == 400 and not face.italic]
    return (regular or faces)[0]


def face_named(font: Mapping[str, Any], faces: Sequence[FontFace]) -> FontFace | None:
    """The face that a manifest's ``font`` means: by its PostScript name, else by family with weight and slant nearest.

    Args:
        font: ``{"name", "family", "weight", "italic", ...}``; missing keys are not asked for.
        faces: Where to look.
    """
    for face in faces:
        if face.name == font.get("name"):
            return face
    family = [face for face in faces if face.family == font.get("family")]
    weight, italic = font.get("weight") or 400, bool(font.get("italic"))
    return min(family, key=lambda face: (face.italic != italic, abs(face.weight - weight)), default=None)


def near_families(family: str, faces: Sequence[FontFace]) -> list[str]:
    """Up to three installed families of a similar name, for messages."""
    return difflib.get_close_matches(family, sorted({face.family for face in faces}), n=3, cutoff=0.5)


def read_faces(file: Path, *, bundled: bool = False) -> list[FontFace]:
    """All faces of a font file; of a variable font its named instances.

    Raises:
        InputError: It cannot be read, or is no OpenType or TrueType font.
    """
    hb = harfbuzz()
    try:
        with file.open("rb"):
            blob = hb.Blob.from_file_path(str(file))
    except OSError as error:
        raise InputError(f"{file}: the font cannot be read ({error.strerror}); check the name.") from error
    count = hb.Face(blob, 0).count
    found = [face for index in range(count) for face in _faces(hb, hb.Face(blob, index), file, index, bundled)]
    if not found:
        raise InputError(f"{file} is no font that can be read; give an OpenType or TrueType file (.ttf, .otf, .ttc).")
    return found


@lru_cache(maxsize=1024)
def hb_font(face: FontFace) -> Any:
    """The face as a HarfBuzz font, scaled to units of its em."""
    hb = harfbuzz()
    font = hb.Font(hb.Face(hb.Blob.from_file_path(str(face.file)), face.index))
    if face.instance:
        font.set_variations(dict(face.instance))
    return font


@lru_cache(maxsize=1024)
def typeface(face: FontFace) -> Any:
    """The face as a skia typeface.

    Raises:
        InputError: Skia cannot read it.
    """
    skia = skia_module()
    found = skia.Typeface.MakeFromFile(str(face.file), face.index)
    if found is not None and face.instance:
        position = skia.FontArguments.VariationPosition
        places = position.Coordinates(
            [position.Coordinate(int.from_bytes(axis.encode(), "big"), value) for axis, value in face.instance]
        )
        arguments = skia.FontArguments()
        arguments.setVariationDesignPosition(position(places))
        found = found.makeClone(arguments)
    if found is None:
        raise InputError(f"{face.file} is no font that can be drawn; give another OpenType or TrueType file.")
    return found


def _readable(files: Iterable[Path]) -> Iterator[FontFace]:
    for file in files:
        try:
            yield from read_faces(file)
        except InputError:  # an installed font that is broken is no candidate
            continue


def _installed_files() -> list[Path]:
    """Font files as fontconfig lists them; without fontconfig those in the usual folders."""
    if (program := shutil.which("fc-list")) is not None:
        try:
            done = subprocess.run(
                [program, "--format", "%{file}\n"], capture_output=True, timeout=FC_LIST_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError):
            pass
        else:
            listed = {Path(line) for line in done.stdout.decode(errors="surrogateescape").splitlines()}
            return sorted(path for path in listed if path.suffix.lower() in SUFFIXES)
    return sorted(
        {path for folder in _usual_folders() for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES}
    )


def _usual_folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path("C:/Windows/Fonts"), home / "AppData/Local/Microsoft/Windows/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


def _faces(hb: Any, face: Any, file: Path, index: int, bundled: bool) -> Iterator[FontFace]:
    """The named instances of a variable font, else the face itself; nothing if it has no glyphs."""
    if face.glyph_count == 0 or not face.unicodes:
        return
    fixed = _names(face, hb.OTNameIdPredefined, file)
    script = _is_script(_table(face, "OS/2"))
    axes = [axis.tag for axis in face.axis_infos] if face.has_var_data else []
    for instance in face.named_instances if axes else [None]:
        names = fixed
        places: tuple[tuple[str, float], ...] = ()
        font = hb.Font(face)
        if instance is not None:
            places = tuple(zip(axes, map(float, instance.design_coords), strict=True))
            font.set_variations(dict(places))
            names = _instance_names(fixed.family, face.get_name(instance.subfamily_name_id) or fixed.style)
        extents = font.get_font_extents("ltr")
        yield FontFace(
            file=file,
            index=index,
            instance=places,
            family=names.family,
            style=names.style,
            name=names.name,
            office=(names.office, "Bold" in names.office_style, _is_italic(names.office_style)),
            weight=round(min(max(font.get_style_value(hb.StyleTag.WEIGHT), 1), 1000)),
            italic=_is_italic(names.style) or font.get_style_value(hb.StyleTag.ITALIC) > 0.5,
            script=script,
            ascent=extents.ascender / face.upem,
            descent=-extents.descender / face.upem,
            line_gap=extents.line_gap / face.upem,
            bundled=bundled,
        )


class _Names(NamedTuple):
    """What a face is called: by typographers, in PostScript, and in office programs."""

    family: str
    style: str
    name: str
    office: str
    office_style: str


def _names(face: Any, ids: Any, file: Path) -> _Names:
    office = face.get_name(ids.FONT_FAMILY) or file.stem
    office_style = face.get_name(ids.FONT_SUBFAMILY) or "Regular"
    family = face.get_name(ids.TYPOGRAPHIC_FAMILY) or office
    style = face.get_name(ids.TYPOGRAPHIC_SUBFAMILY) or office_style
    name = face.get_name(ids.POSTSCRIPT_NAME) or _postscript(family, style)
    return _Names(family, style, name, office, office_style)


def _instance_names(family: str, style: str) -> _Names:
    """Of a named instance: office programs know four styles of a family, all others are families of their own."""
    name = _postscript(family, style)
    if style in ("Regular", "Bold", "Italic", "Bold Italic"):
        return _Names(family, style, name, family, style)
    upright = style.removesuffix("Italic").strip()
    return _Names(family, style, name, f"{family} {upright}", "Italic" if _is_italic(style) else "Regular")


def _postscript(family: str, style: str) -> str:
    return f"{family}-{style}".replace(" ", "")


def _is_italic(style: str) -> bool:
    return "italic" in style.lower() or "oblique" in style.lower()


def _table(face: Any, tag: str) -> bytes:
    blob = face.reference_table(tag)
    return bytes(blob.data) if blob is not None else b""


def _is_script(os2: bytes) -> bool:
    """OpenType OS/2: PANOSE family kind 3 (byte 32), or IBM's family class 10 (byte 30)."""
    return len(os2) >= 42 and (os2[32] == 3 or os2[30] == 10)
