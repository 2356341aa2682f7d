"""What looks at a model while it trains: fixed held-out cases, their sheet, and the measures of ``layerize eval``.

The training room does not know the evaluation; the command line hands it over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from layerize.cli.row_sheet import row_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import nn

    from layerize.stack import LayerStack
    from layerize.stack.layer import U8
    from layerize.training.recipe import Recipe
    from layerize.training.worker import Validate

SHEETS_FOLDER = "sheets"
CASES = 6
"""Held-out cases, the same in every run on the same data."""

LONGEST = 512
"""Pixels of a case's longer side, at most: validation must not take longer than training."""

_MEASURES = ("layer_iou_soft_dtw", "recomposition_psnr", "hidden_error", "count_exact", "count_mean_absolute_error")


def networks(weights: Sequence[Path]) -> dict[str, Callable[[], nn.Module]]:
    """Perceptual networks that need weights: LPIPS, from the files given or from the user's cache."""
    from layerize.evaluation.lpips import load_lpips

    return {"lpips": partial(load_lpips, tuple(weights))}


def untrained_networks() -> dict[str, Callable[[], nn.Module]]:
    """The same without weights, for counting."""
    from layerize.evaluation.lpips import LPIPS

    return {"lpips": LPIPS}


def validation(recipe: Recipe) -> Validate | None:
    """The look that suits a stage; None if the recipe asks for none."""
    if not recipe.validation_minutes:
        return None
    if recipe.stage == "vae":
        return validate_vae
    if recipe.stage == "image-to-layers":
        return partial(validate_layers, dataset=recipe.data.dataset)
    return partial(validate_texts, task=recipe.stage)


def held_out(dataset: str) -> list[LayerStack]:
    """The same cases in every run on this data: the first samples of the dataset's ``val`` split, else designs."""
    from layerize.data.sample_store import open_store
    from layerize.errors import InputError
    from layerize.stack import Layer, LayerStack
    from layerize.synth.design import HELD_OUT_SEEDS, draw_design

    designs = [draw_design(seed).to_stack() for seed in HELD_OUT_SEEDS[:CASES]]
    if not dataset:
        return designs
    try:
        store = open_store(dataset, "val")
    except InputError:
        return designs
    stacks = []
    for entry in store.entries[:CASES]:
        sample = store.read(entry)
        scale = min(1.0, LONGEST / max(sample.size))
        sample = sample.resized((max(1, round(sample.size[0] * scale)), max(1, round(sample.size[1] * scale))))
        named = zip(sample.layers_u8_KHW4, sample.names, strict=True)
        layers = tuple(Layer(pixels=pixels, name=name) for pixels, name in named)
        stacks.append(LayerStack(size=sample.size, layers=layers))
    return stacks


def validate_layers(model: Path, run: Path, step: int, *, dataset: str = "") -> Mapping[str, float]:
    """Split the held-out cases; measures, and a sheet of input, layers and composite."""
    from layerize.evaluation.layerd import score_stacks
    from layerize.evaluation.samples import rasters
    from layerize.evaluation.stack_measures import measure, summarise
    from layerize.splitter import Splitter
    from layerize.stack import flatten

    splitter = Splitter.load(str(model), device="auto")
    measured, rows = [], []
    for truth in held_out(dataset):
        picture = flatten(truth)
        found = splitter.split(picture, seed=0)
        measured.append(measure(score_stacks(rasters(found), rasters(truth))))
        rows.append(row_of(picture, found))
    save_sheet(run, step, rows)
    means = summarise(measured)
    return {name: value for name in _MEASURES if (value := means[name]) is not None}


def validate_vae(model: Path, run: Path, step: int) -> Mapping[str, float]:
    """Reconstruct layers of the held-out designs over solid colours."""
    from layerize.evaluation.reconstruction import Reconstruction, find_pictures, load_vae, reconstruct

    pictures, _ = find_pictures(f"synth:0-{CASES // 2 - 1}")
    vae = load_vae(model)
    runner = Reconstruction(vae, pictures)
    for _ in runner:
        pass
    report = runner.report()
    chosen = [picture.read() for picture in pictures[:CASES]]
    save_sheet(run, step, [row_of(rgba, one_layer(reconstruct(vae, rgba))) for rgba in chosen])
    figures = {"psnr": report.mean["psnr"], "ssim": report.mean["ssim"], "alpha_error": report.alpha_error}
    return {name: value for name, value in figures.items() if value is not None}


def one_layer(pixels: U8) -> LayerStack:
    """A stack of one layer, for sheets."""
    from layerize.stack import Layer, LayerStack

    return LayerStack(size=(pixels.shape[1], pixels.shape[0]), layers=(Layer(pixels=pixels, name="", id="0"),))


def validate_texts(model: Path, run: Path, step: int, *, task: str) -> Mapping[str, float]:
    """Draw from the held-out designs' captions; only a sheet: no measure says whether a picture suits its words."""
    from layerize.generator import SmallTextModel, load_text_model
    from layerize.generator import generate as draw
    from layerize.synth.design import draw_design

    loaded = load_text_model(str(model), tasks=(task,))
    rows = []
    for seed in range(CASES // 2):
        layers = 1 if task == "text-to-image" else None
        steps = None if isinstance(loaded, SmallTextModel) else 20
        stack = draw(draw_design(seed).caption, loaded, layers=layers, steps=steps, seed=seed)
        rows.append(row_of(None, stack))
    save_sheet(run, step, rows)
    return {}


def save_sheet(run: Path, step: int, rows: Sequence[Image]) -> Path:
    """Sheets one below the other, as ``RUN/sheets/STEP.webp``."""
    from PIL import Image

    from layerize.formats.atomic import atomic_path

    width, height = max(row.width for row in rows), sum(row.height for row in rows)
    whole = Image.new("RGB", (width, height), "white")
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    path = run / SHEETS_FOLDER / f"{step:08d}.webp"
    with atomic_path(path) as temporary:
        whole.save(temporary, "WEBP", quality=85)
    return path
