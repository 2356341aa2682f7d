"""``layerize eval``: figures for stacks of layers, for auto-encoders, and for a model over a whole dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from layerize.cli.eval_split import register
from layerize.cli.eval_text import register as register_text
from layerize.cli.report import say, say_json, warn
from layerize.errors import UsageError

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Measure layers against the truth: stored stacks, auto-encoders, a model over a dataset.",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
LpipsWeights = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="AlexNet and LPIPS weights (repeatable). Default: the cache, if they are there."),
]


@app.command()
def stacks(
    pred: Annotated[Path, typer.Option(metavar="DIR", help="Predictions: a folder of PNGs or a manifest per sample.")],
    gt: Annotated[Path, typer.Option(metavar="DIR", help="The truth, likewise; samples belong together by name.")],
    max_edits: Annotated[int, typer.Option(metavar="N", help="Merges the protocol may make.")] = 5,
    floor: Annotated[
        int, typer.Option(metavar="N", help="Score again with alpha below N (of 255) dropped; 0: do not.")
    ] = 8,
    protocol_only: Annotated[bool, typer.Option("--protocol-only", help="No measures beyond the protocol.")] = False,
    lpips_weights: LpipsWeights = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", help="Processes. Default: all cores.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score stored stacks against the truth: the LayerD protocol, and what it leaves out."""
    from layerize.cli.progress import progress_bar
    from layerize.evaluation.stacks import StackEvaluation, StackOptions

    if jobs is not None and jobs < 1:
        raise UsageError(f"-j {jobs}: must be at least 1.")
    options = StackOptions(
        max_edits=max_edits,
        floor=floor,
        measures=not protocol_only,
        lpips_weights=() if protocol_only else _lpips_files(lpips_weights),
    )
    evaluation = StackEvaluation(pred, gt, options, jobs=jobs or os.cpu_count() or 1)
    with progress_bar(len(evaluation)) as bar:
        for done, result in enumerate(evaluation, 1):
            bar.show(done, result.name, "scored", 0.0)
    report = evaluation.report()
    if report["skipped"]:
        warn(f"{len(report['skipped'])} of {len(evaluation)} samples were skipped; the report names them.")
    if as_json:
        say_json(report)
    else:
        _print_stacks(report)


@app.command()
def vae(
    model: Annotated[str, typer.Argument(metavar="NAME|DIR", help="A checkpoint with an auto-encoder.")],
    data: Annotated[str, typer.Option(metavar="DIR|synth:SEEDS", help="RGBA PNGs, or layers of synthetic designs.")],
    size: Annotated[int | None, typer.Option(metavar="N", help="Scale and cut to N x N. Default: as they are.")] = None,
    lpips_weights: LpipsWeights = None,
    fid_network: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TorchScript features for rFID. Default: the cache, if there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure RGBA reconstruction: blend over nine solid colours, PSNR, SSIM, and with weights LPIPS and rFID."""
    from layerize.cli.progress import progress_bar
    from layerize.evaluation.fid import load_features
    from layerize.evaluation.lpips import load_lpips
    from layerize.evaluation.reconstruction import Reconstruction, find_pictures, load_vae
    from layerize.evaluation.weights import find_weights
    from layerize.predictors import find_model

    lpips_files, fid_files = _lpips_files(lpips_weights), find_weights("fid", [fid_network] if fid_network else [])
    pictures, odd = find_pictures(data)
    evaluation = Reconstruction(
        load_vae(find_model(model)),
        pictures,
        side=size,
        lpips=load_lpips(lpips_files) if lpips_files else None,
        features=load_features(fid_files) if fid_files else None,
        odd=odd,
    )
    with progress_bar(len(evaluation)) as bar:
        for done, name in enumerate(evaluation, 1):
            bar.show(done, name, "compared", 0.0)
    report = evaluation.report()
    if report.skipped:
        warn(f"{len(report.skipped)} of {len(evaluation)} pictures were skipped; the report names them.")
    if as_json:
        say_json({"model": model, "data": data, **report.to_dict()})
        return
    say(f"{model}, {len(report.pictures)} pictures of {data}, means over {len(report.by_colour)} backgrounds")
    for name, figures in {**report.by_colour, "mean": report.mean}.items():
        say(f"  {name:<9}" + "  ".join(f"{what} {_figure(value)}" for what, value in figures.items()))
    iou = "-" if report.alpha_iou is None else f"{report.alpha_iou:.4f}"
    say(f"  alpha error {report.alpha_error:.4f}  alpha soft IoU {iou} (of those with transparency)")
    _print_absent(lpips_files, fid_files)
    _print_oddities([f"{name}: {reason}" for name, reason in report.skipped], report.odd)


def _lpips_files(given: list[Path] | None) -> tuple[Path, ...]:
    from layerize.evaluation.weights import find_weights

    return find_weights("lpips", given or ())


def _print_stacks(report: Mapping[str, Any]) -> None:
    say(f"{len(report['samples'])} samples, {len(report['skipped'])} skipped")
    say()
    say("LayerD protocol, as given")
    _print_levels(report["aggregate"])
    if report["floor"]:
        say()
        say(f"LayerD protocol, alpha below {report['floor']['alpha']} dropped on both sides")
        _print_levels(report["floor"]["aggregate"])
    if report["measures"]:
        say()
        say("Beyond the protocol (means over the samples where a measure applies)")
        for name, value in report["measures"]["mean"].items():
            say(f"  {name:<27}{_figure(value)}")
        if report["measures"]["mean"]["recomposition_lpips"] is None:
            say("  no LPIPS without weights; see --lpips-weights")
        say("  layers, true: predicted (samples)")
        for true, row in report["measures"]["count_confusion"].items():
            say(f"  {true:>6}: " + ", ".join(f"{count} ({samples})" for count, samples in row.items()))
    _print_oddities([f"{item['sample']}: {item['reason']}" for item in report["skipped"]], report["odd"])


def _print_levels(rows: Sequence[Mapping[str, float]]) -> None:
    say("  merges" + "".join(f"{int(row['max_edits']):>8}" for row in rows))
    for name, title in (("avg_rgb_l1", "RGB L1"), ("avg_alpha_iou", "IoU"), ("avg_edits", "edits")):
        say(f"  {title:<6}" + "".join(f"{row[name]:>8.4f}" for row in rows))
    say("  count " + "".join(f"{int(row['count']):>8}" for row in rows))


def _print_absent(lpips_files: Sequence[Path], fid_files: Sequence[Path]) -> None:
    from layerize.evaluation.weights import cache_folder

    if not lpips_files:
        say(f"  no LPIPS: no weights in {cache_folder('lpips')}; name them with --lpips-weights")
    if not fid_files:
        say(f"  no rFID: no feature network in {cache_folder('fid')}; name one with --fid-network")


def _print_oddities(skipped: Sequence[str], odd: Sequence[str]) -> None:
    for title, lines in (("Skipped", skipped), ("Odd", odd)):
        if lines:
            say()
            say(f"{title}: {len(lines)}")
            for line in lines:
                say(f"  {line}")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


register(app)
register_text(app)
