"""``layerize eval text``: how well words come off pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from layerize.cli.progress import progress_bar
from layerize.cli.report import say, say_json
from layerize.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the group ``layerize eval``."""
    app.command("text")(text)


def text(
    designs: Annotated[int, typer.Option(min=1, metavar="N", help="How many designs with known words.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of the first design; the others follow.")] = 0,
    size: Annotated[int, typer.Option(min=128, metavar="N", help="Side of the square designs in pixels.")] = 512,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for report.json and sheets of the worst cases.")
    ] = None,
    sheets: Annotated[int, typer.Option(min=0, metavar="N", help="Cases on the sheets.")] = 24,
    fonts: Annotated[
        int, typer.Option("--fonts", min=0, metavar="N", help="Texts per size whose typeface is looked for; 0: none.")
    ] = 20,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            help="Real pictures, a file or a folder, instead of designs; NAME.txt beside one holds its words."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Lift the words off drawn designs: word recall, character errors, alpha, and the background under the text."""
    from layerize.evaluation.text import evaluate_text, text_report, write_sheets

    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"-o {out} is a file; name a folder.")
    if pictures:
        _pictures(pictures, out, as_json)
        return
    cases = []
    with progress_bar(designs) as bar:
        for done, case in enumerate(evaluate_text(range(seed, seed + designs), (size, size))):
            bar.show(done, f"seed {case.design.seed}", "text", 1.0)
            cases.append(case)
    report = {**text_report(cases), "fonts": _font_rates(fonts)}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        write_sheets(cases, out, sheets)
    if as_json:
        say_json(report)
        return
    _print(report)
    if out is not None:
        say(f"written: {out}")


def _pictures(places: list[Path], out: Path | None, as_json: bool) -> None:
    from layerize.cli.inputs import plan
    from layerize.evaluation.text_pictures import pictures_report, score_pictures

    jobs = plan(places, extensions=())
    if broken := next((job.error for job in jobs if job.error is not None), None):
        raise broken
    scores = []
    with progress_bar(len(jobs)) as bar:
        for done, score in enumerate(score_pictures([job.source for job in jobs], out)):
            bar.show(done, Path(score.picture).name, "text", 1.0)
            scores.append(score)
    report = pictures_report(scores)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    if as_json:
        say_json(report)
    else:
        for score in scores:
            words = "" if score.true_words is None else f", {score.right_words} of {score.true_words} words right"
            found = f"{score.read_words} words, composite within {score.recompose_error}/255{words}"
            say(f"{score.picture}: {score.error or found}")
        if report["known"]:
            say(f"word recall {_figure(report['word_recall'])}, precision {_figure(report['word_precision'])}")
    if report["failed"]:
        raise typer.Exit(1)


def _font_rates(count: int) -> dict[str, dict[str, float]]:
    """Rates by size of finding a known typeface again among the installed ones, on rough mattes."""
    from layerize.evaluation.text_fonts import font_rates, font_trials
    from layerize.text.fonts import installed_faces

    if not count:
        return {}
    return {
        str(size): font_rates(list(font_trials(installed_faces(), count=count, sizes=[size], rough=True)))
        for size in (16, 32, 64)
    }


def _print(report: Mapping[str, Any]) -> None:
    from layerize.evaluation.text import LEAST_HEIGHT, TARGETS

    say(f"{report['designs']} designs, {report['texts']} texts, {_figure(report['seconds'])} s each (median)")
    for key, title in (
        ("word_recall", "word recall"),
        ("word_precision", "word precision"),
        ("character_error_rate", "character error rate"),
        ("alpha_iou", f"alpha soft IoU, {LEAST_HEIGHT} px and up"),
        ("alpha_iou_found", "  of texts that were found"),
        ("alpha_iou_small", "  of smaller texts"),
        ("ground_error_smooth", "background error under text, flat and gradient"),
        ("ground_error_rest", "  other backgrounds"),
        ("typeface_named", "typefaces named, of texts that were found"),
        ("typeface_right", "  of those the true one"),
        ("false_layers", "text layers that hold no text"),
    ):
        target = f"  (target {TARGETS[key]:g})" if key in TARGETS else ""
        say(f"  {title:<48}{_figure(report[key]):>8}{target}")
    for size, rates in report["fonts"].items():
        shown = ", ".join(
            f"{key.replace('_', ' ')} {_figure(rates[key])}" for key in ("family", "named", "wrongly_named")
        )
        say(f"  typefaces, {size} px: {shown}")
    for name in ("by_look", "by_ground"):
        say(f"  {name.replace('_', ' '):<14}{'texts':>7}{'found':>8}{'IoU':>8}{'of found':>10}{'ground':>8}")
        for kind, row in report[name].items():
            say(
                f"  {kind:<14}{row['texts']:>7}{_figure(row['found']):>8}{_figure(row['alpha_iou']):>8}"
                f"{_figure(row['alpha_iou_found']):>10}{_figure(row['ground_error']):>8}"
            )
    say("  least confidence: lines of text kept, of none; single signs likewise")
    for row in report["thresholds"]:
        say(
            f"  {row['threshold']:>6.2f}{row['true_words']:>8}{row['false_words']:>6}"
            f"{row['true_signs']:>8}{row['false_signs']:>6}"
        )


def _figure(value: float | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"
