"""Captions by a tiny random Qwen2.5-VL: the real code path, from picture to manifest and index."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from design_stacks import noise, poster

from layerize.data.captioner import QwenCaptioner, caption_samples
from layerize.data.dataset_folder import DatasetFolder
from layerize.data.extract import ExtractOptions, extract_file
from layerize.data.sources import SourceFile
from layerize.errors import CheckpointError, UsageError
from layerize.stack import U8

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from tiny_published import text_encoder, tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_processor() -> Any:
    """Bytes as tokens, small pictures, no video."""
    from transformers import Qwen2VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    class Processor(Qwen2VLProcessor):  # type: ignore[misc]
        """transformers needs torchvision for its video part, which is not used here."""

        def check_argument_for_proper_class(self, name: str, argument: object) -> Any:
            return None if name == "video_processor" else super().check_argument_for_proper_class(name, argument)

    pictures = Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 56 * 56})
    return Processor(image_processor=pictures, tokenizer=tokenizer(), video_processor=None, chat_template=TEMPLATE)


def tiny_model(tokens: Any) -> Any:
    import torch

    torch.manual_seed(0)
    return text_encoder(tokens)


class Fixed:
    """Answers with what it was given; dies where it is told to."""

    name = "fixed"

    def __init__(self, answers: Sequence[str], *, dies_after: int = 99) -> None:
        self.answers, self.calls, self.dies_after = list(answers), 0, dies_after

    def caption(self, pictures: Sequence[U8]) -> list[str]:
        if self.calls >= self.dies_after:
            raise RuntimeError("out of memory")
        self.calls += 1
        return [self.answers.pop(0) for _ in pictures]


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetFolder:
    folder = DatasetFolder(tmp_path / "set")
    folder.create(ExtractOptions().to_json(), "layerize test")
    poster().save(tmp_path / "poster.layers")
    source = SourceFile(path=tmp_path / "poster.layers", source="poster.layers", repository="r")
    for number in range(6):
        folder.append(extract_file(source, ExtractOptions(), folder.root, f"sample-{number}"))
    return folder


def test_a_random_qwen_writes_into_manifest_and_index(dataset: DatasetFolder) -> None:
    pytest.importorskip("transformers")
    processor = tiny_processor()
    captioner = QwenCaptioner(tiny_model(processor.tokenizer), processor, "tiny")
    pictures = [noise(90, 60, 1), noise(60, 90, 2)]
    answers = captioner.caption(pictures)
    assert len(answers) == 2
    assert all(answers)
    assert captioner.caption(pictures) == answers
    caption_samples(dataset, captioner)
    entries = dataset.entries()
    assert {entry.caption_from for entry in entries} == {"tiny"}
    for entry in entries:
        manifest = json.loads((dataset.folder_of(entry) / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["caption"] == entry.caption


def test_captioning_goes_on_where_it_stopped_and_keeps_what_there_is(dataset: DatasetFolder) -> None:
    old = dataset.entries()[0].caption
    with pytest.raises(RuntimeError):
        caption_samples(dataset, Fixed(["one", "", "three", "four"], dies_after=1))
    assert [entry.caption for entry in dataset.entries()] == ["one", old, "three", "four", old, old]
    rest = Fixed(["two", "five", "six"])
    caption_samples(dataset, rest)
    assert [entry.caption for entry in dataset.entries()] == ["one", "two", "three", "four", "five", "six"]
    caption_samples(dataset, rest)
    assert rest.calls == 1


def test_names_that_are_no_model_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(UsageError, match=r"--captioner blip: use qwen2\.5-vl"):
        QwenCaptioner.open("blip")
    with pytest.raises(CheckpointError, match="cannot be loaded as a captioner"):
        QwenCaptioner.open(str(tmp_path))
