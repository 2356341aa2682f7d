"""Captions by a vision-language model, Qwen2.5-VL through transformers (extra ``hub``); imported when one is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.errors import CheckpointError, MissingExtraError, UsageError
from layerize.formats.atomic import atomic_path
from layerize.formats.image import read_bytes, read_image
from layerize.formats.manifest import MANIFEST
from layerize.formats.manifest_model import parse_manifest
from layerize.stack.layer import U8

if TYPE_CHECKING:
    from PIL import Image

CHECKPOINTS = {"qwen2.5-vl": "Qwen/Qwen2.5-VL-3B-Instruct"}
"""Names of ``--captioner`` and the hub ids that they stand for; a local folder or another hub id may be given too."""

PROMPT = (
    "Describe this design for someone who will draw it again, in at most two sentences: what it shows, the main "
    "objects and their places, the background, the style. Quote short writing exactly."
)
MOST_TOKENS = 96
SIDE = 768
"""Pictures are reduced to at most as many pixels a side."""
BATCH = 4


class Captioner(Protocol):
    """Writes one caption per picture.

    Attributes:
        name: What captions say that they come from.
    """

    name: str

    def caption(self, pictures: Sequence[U8]) -> list[str]:
        """Captions of straight RGBA pictures, ``u8`` (H, W, 4) each of its own size."""
        ...


class QwenCaptioner:
    """Qwen2.5-VL, greedy, one short answer per picture."""

    def __init__(self, model: Any, processor: Any, name: str) -> None:
        """Take a ``Qwen2_5_VLForConditionalGeneration`` and its processor."""
        self.model, self.processor, self.name = model.eval(), processor, name
        self.processor.tokenizer.padding_side = "left"  # answers begin where every prompt of a batch ends

    @classmethod
    def open(cls, source: str) -> QwenCaptioner:
        """Load the model.

        Args:
            source: A key of ``CHECKPOINTS``, a local folder, or a hub id.

        Raises:
            MissingExtraError: transformers is not installed.
            CheckpointError: The model cannot be loaded.
        """
        try:
            import torch
            from transformers import AutoModelForImageTextToText, AutoProcessor
        except ImportError as error:
            raise MissingExtraError("Captioning by a model", "transformers", "hub") from error
        place = CHECKPOINTS.get(source, source)
        if place == source and not Path(source).is_dir() and "/" not in source:
            raise UsageError(f"--captioner {source}: use {', '.join(CHECKPOINTS)}, a local folder or a hub id.")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        try:
            model = AutoModelForImageTextToText.from_pretrained(place, dtype=dtype).to(device)
            processor = AutoProcessor.from_pretrained(place)
        except (OSError, ValueError, ImportError) as error:
            raise CheckpointError(f"{place}: cannot be loaded as a captioner ({error}).") from error
        return cls(model, processor, source)

    def caption(self, pictures: Sequence[U8]) -> list[str]:
        """Captions, one line each."""
        import torch

        images = [_flat(picture) for picture in pictures]
        content = [{"type": "image"}, {"type": "text", "text": PROMPT}]
        prompt = self.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        inputs = self.processor(text=[prompt] * len(images), images=images, padding=True, return_tensors="pt")
        inputs = inputs.to(self.model.device)
        with torch.no_grad():
            tokens = self.model.generate(**inputs, max_new_tokens=MOST_TOKENS, do_sample=False)
        answers = self.processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return [" ".join(str(answer).split()) for answer in answers]


def caption_samples(
    dataset: DatasetFolder,
    captioner: Captioner | CaptionRunner,
    *,
    report: Callable[[int, int, str, str], None] | None = None,
) -> None:
    """Caption every accepted sample that this captioner has not captioned yet; goes on where it was stopped."""
    entries = dataset.entries()
    waiting = [entry for entry in entries if entry.status == "accepted" and entry.caption_from != captioner.name]
    jobs = [str((dataset.folder_of(entry) / "composite.png").resolve()) for entry in waiting]
    run = captioner.captions if isinstance(captioner, CaptionRunner) else _one_after_another(captioner)
    for done, (index, caption) in enumerate(run(jobs), 1):
        entry = waiting[index]
        if caption:  # a model may have nothing to say; the caption from the file is better than none
            entry = entry.model_copy(update={"caption": caption, "caption_from": captioner.name})
            _store(dataset, entry)
        if report is not None:
            report(done, len(waiting), entry.source, "captioned")
    dataset.rewrite(dataset.entries())


class CaptionRunner:
    """Captions made elsewhere (``ray_extract``): paths in, (index, caption) out as they end."""

    def __init__(self, name: str, captions: Callable[[Sequence[str]], Iterable[tuple[int, str]]]) -> None:
        self.name, self.captions = name, captions


def caption_paths(captioner: Captioner, paths: Sequence[str]) -> list[str]:
    """Captions of picture files."""
    return captioner.caption([read_image(Path(path)).pixels for path in paths])


def _one_after_another(captioner: Captioner) -> Callable[[Sequence[str]], Iterable[tuple[int, str]]]:
    def run(paths: Sequence[str]) -> Iterator[tuple[int, str]]:
        for start in range(0, len(paths), BATCH):
            yield from enumerate(caption_paths(captioner, paths[start : start + BATCH]), start)

    return run


def _store(dataset: DatasetFolder, entry: IndexEntry) -> None:
    """The caption into the sample's manifest, then into the index."""
    path = dataset.folder_of(entry) / MANIFEST
    manifest = parse_manifest(read_bytes(path), str(path)).model_copy(update={"caption": entry.caption})
    with atomic_path(path) as temporary:
        temporary.write_text(manifest.to_json(), encoding="utf-8")
    dataset.append(entry)


def _flat(picture: U8) -> Image.Image:
    """Over white, at most ``SIDE`` pixels a side."""
    from PIL import Image

    scale = min(1.0, SIDE / max(picture.shape[:2]))
    size = (max(28, round(picture.shape[1] * scale)), max(28, round(picture.shape[0] * scale)))
    small = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:].astype(np.float32) / 255
    return Image.fromarray(np.rint(255 + alpha * (small[..., :3] - np.float32(255))).astype(np.uint8))
