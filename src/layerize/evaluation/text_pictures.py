"""``layerize eval text --pictures``: lift the words off real pictures; score them where the words are written beside.

For ``poster.png`` the truth is ``poster.txt``: its words, in any order. Without it only what can be seen is reported:
the words, how sure the reader was, and whether the layers still make the picture.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from layerize.errors import InputError, LayerizeError
from layerize.formats import read_image
from layerize.sheet import contact_sheet
from layerize.splitter import split_text


@dataclass(frozen=True, kw_only=True)
class PictureScore:
    """What came off one picture.

    Attributes:
        picture: Its path.
        texts: What was read, a string for each layer.
        recompose_error: Largest difference, 0..255, between the composite and the picture.
        seconds: That it took.
        true_words: How many words the text file has; None without one.
        read_words: How many words were read.
        right_words: How many of both are the same, upper and lower case alike; None without a text file.
        error: Why the picture could not be scored; then nothing else is known.
    """

    picture: str
    texts: tuple[str, ...] = ()
    recompose_error: int | None = None
    seconds: float | None = None
    true_words: int | None = None
    read_words: int = 0
    right_words: int | None = None
    error: str | None = None


def score_pictures(pictures: Sequence[Path], sheets: Path | None = None) -> Iterator[PictureScore]:
    """Lift the words off each picture; what cannot be read costs that picture only.

    Args:
        pictures: Files.
        sheets: Folder for a contact sheet of each picture: input, background, texts, composite, difference.

    Raises:
        MissingExtraError: The extra ``text`` is not installed.
    """
    for picture in pictures:
        try:
            yield _score(picture, sheets)
        except (InputError, OSError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, LayerizeError) else f"{picture}: {error}"
            yield PictureScore(picture=str(picture), error=reason)


def _score(picture: Path, sheets: Path | None) -> PictureScore:
    truth = picture.with_suffix(".txt")
    words = Counter(truth.read_text(encoding="utf-8").casefold().split()) if truth.is_file() else None
    flat = read_image(picture)
    start = time.perf_counter()
    stack = split_text(flat)
    seconds = round(time.perf_counter() - start, 3)
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        contact_sheet(flat.pixels, stack).save(sheets / f"{picture.stem}.png")
    texts = tuple(str(layer.text["content"]) for layer in stack.walk() if layer.text)
    read = Counter(" ".join(texts).casefold().split())
    return PictureScore(
        picture=str(picture),
        texts=texts,
        recompose_error=int(stack.metadata["recompose_error"]),
        seconds=seconds,
        true_words=None if words is None else words.total(),
        read_words=read.total(),
        right_words=None if words is None else (words & read).total(),
    )


def pictures_report(scores: Sequence[PictureScore]) -> dict[str, Any]:
    """All scores, and recall and precision over the words of those pictures whose words are known (else None)."""
    known = [score for score in scores if score.true_words is not None]
    right = sum(score.right_words or 0 for score in known)
    true = sum(score.true_words or 0 for score in known)
    read = sum(score.read_words for score in known)
    return {
        "pictures": [asdict(score) for score in scores],
        "known": len(known),
        "word_recall": right / true if true else None,
        "word_precision": right / read if read else None,
        "failed": sum(score.error is not None for score in scores),
    }
