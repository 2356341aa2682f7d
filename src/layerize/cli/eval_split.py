"""``layerize eval split`` and ``layerize eval compare``: a model over a dataset, and two reports side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerize.cli.progress import progress_bar
from layerize.cli.report import say, say_json, warn, warnings_on_stderr

MOST_NAMED = 20
"""Problems that are printed; the report holds all."""


def register(app: typer.Typer) -> None:
    """Add both commands to the group ``layerize eval``."""
    app.command("split")(split)
    app.command("compare")(compare)


def split(
    data: Annotated[str, typer.Option(help="Folder of manifest folders or ZIPs, or seeds: synth:FIRST-LAST.")],
    model: Annotated[str, typer.Option(help="A shipped model, a checkpoint folder, or baseline:NAME.")] = "default",
    baselines: Annotated[bool, typer.Option("--baselines", help="Also run the methods that need no weights.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run and its report.")] = Path("eval"),
    part: Annotated[
        str | None,
        typer.Option("--split", metavar="train|val|test", help="Only this split of a dataset of 'data extract'."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N samples.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Denoising steps. Default: the model's own.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the model's noise.")] = 0,
    true_count: Annotated[
        bool, typer.Option("--true-count", help="Tell every method the true number of layers.")
    ] = False,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where the model runs.")] = "auto",
    sheets: Annotated[int, typer.Option(min=0, help="Most cases shown in report.html.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Split a whole dataset, score every result and write report.json and report.html."""
    from layerize.evaluation.html import write_html
    from layerize.evaluation.report import make_report, verdicts, write_report
    from layerize.evaluation.run import RunConfig, run, with_baselines

    config = RunConfig(
        data=data,
        methods=with_baselines(model, baselines),
        out=out,
        limit=limit,
        jobs=jobs,
        steps=steps,
        seed=seed,
        true_count=true_count,
        device=device,
        resume=resume,
        split=part,
    )
    with warnings_on_stderr(), progress_bar(1) as bar:
        finished = run(config, lambda done, total, what: bar.show(0, f"{done}/{total}", what, done / max(total, 1)))
        report = make_report(config, finished)
        write_report(report, out / "report.json")
        write_html(report, out, out / "report.html", sheets=sheets)
    for problem in finished.problems[:MOST_NAMED]:
        warn(f"{problem.sample}{f' ({problem.method})' if problem.method else ''}: {problem.reason}")
    if len(finished.problems) > MOST_NAMED:
        warn(f"{len(finished.problems) - MOST_NAMED} more problems; {out / 'report.json'} names them all.")
    if as_json:
        say_json(report)
        return
    say(f"{'':28}{'samples':>8}{'L1 @0':>8}{'IoU @0':>8}{'L1 @5':>8}{'IoU @5':>8}{'count exact':>13}{'s each':>8}")
    for name, method in report["methods"].items():
        first, last = method["aggregate"][0], method["aggregate"][-1]
        say(
            f"{name:28}{method['samples']:8}{first['avg_rgb_l1']:8.4f}{first['avg_alpha_iou']:8.4f}"
            f"{last['avg_rgb_l1']:8.4f}{last['avg_alpha_iou']:8.4f}{method['measures']['count_exact']:13.3f}"
            f"{method['seconds']:8.2f}"
        )
    for sentence in verdicts(report):
        say(sentence)
    say(f"{len(finished.problems)} problems; report: {out / 'report.html'}")


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A report.json, or the folder of a run.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other one.")],
    method_a: Annotated[str | None, typer.Option(help="Method of A. Default: the one it is about.")] = None,
    method_b: Annotated[str | None, typer.Option(help="Method of B. Default: the one it is about.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write an HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare two reports, sample by sample; differences are B - A."""
    from layerize.evaluation.compare import as_lines, compare_reports, write_comparison
    from layerize.evaluation.report import read_report

    comparison = compare_reports(read_report(a), read_report(b), method_a=method_a, method_b=method_b)
    if out is not None:
        write_comparison(comparison, out)
    if as_json:
        say_json(comparison)
        return
    for line in as_lines(comparison):
        say(line)
    if out is not None:
        say(f"written: {out}")
