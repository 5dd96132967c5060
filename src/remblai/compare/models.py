"""Several models on one data set, trained with equal budgets where they are recipes, in one table with its tests."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from remblai.compare.budget import steps_for_images, steps_for_seconds
from remblai.compare.comparison import Comparison
from remblai.compare.entries import BUDGET
from remblai.compare.jobs import Done, Job, job_of, run_jobs
from remblai.compare.kept import RUNS, keep, opened
from remblai.compare.notes import notes
from remblai.compare.page import write_comparison
from remblai.compare.ranking import against, ranked
from remblai.compare.request import Request, request_of
from remblai.compare.table import Row
from remblai.compare.trials import measured
from remblai.config.registry import Choice
from remblai.runs.latent import chosen_latent
from remblai.runtime import devices
from remblai.runtime.devices import processors
from remblai.runtime.files import place

MINUTE = 60.0


def compare_models(
    models: Sequence[str] = (),
    *,
    data: str | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    images: int | None = None,
    minutes: float | None = None,
    by: str | None = None,
    features: Choice | None = None,
    out: str | Path | None = None,
    config: str | Path | None = None,
    most: int = 100,
    jobs: int | None = None,
    threads: int | None = None,
    device: str | None = None,
    data_options: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Comparison:
    """Compares runs, or recipes that are trained with equal budgets, in one table with a test for each pair.

    What was trained stays in `out`, with a page, the table as CSV and LaTeX, and JSON: the same call again goes on
    where it was stopped, and tries anew what failed; so does one with more models or seeds, in whatever order.

    Args:
        models: each the folder of a run or a loaded run, or a recipe with options, such as "wae-mmd --weight 10"; of a
            run that a recipe of your own made "FOLDER --recipe path/to/file.py:function".
        data: a name, a folder or a file; that of the runs when None, the digits where there are none.
        seeds: trainings of each recipe, with seeds 0, 1 ...; 2 when None.
        steps: of every recipe. Of steps, epochs, images and minutes at most one; each recipe's own when none is given.
        epochs: passes of the model over the training data, of every recipe; critics with batches of their own see more.
        images: seen in training by the model and its critics, of every recipe.
        minutes: of training, at the speed that is measured on this machine, each recipe alone.
        by: the figure that ranks the models; when None the Frechet distance of features for images, the squared energy
            distance for tables.
        features: the map that figures on features are taken on, as for `evaluate`; what suits the data when None. Of a
            model that was trained through it such a figure is marked, and it is called better than no other by it.
        out: the folder of the comparison; None takes the next free one under runs/.
        config: a YAML file with these settings, `runs` among them: a list of recipes with options and grids of options.
        most: how many models there may be.
        jobs: trainings at a time; one a processor on a CPU, 1 on a GPU, when None.
        threads: of each training; the processors shared among the trainings on a CPU when None.
        device: auto, cpu, cuda or cuda:0.
        data_options: of `data.load`.
        say: is called with a line about each training that ends.

    Raises:
        ValueError: unknown names, options or figures; runs of different data where none are named, or of other columns
            than those that are; budgets of two kinds; a folder that holds something else.
        RuntimeError: every training failed.
    """
    request = request_of(
        models, config, most, data_options or {}, jobs, features, data=data, seeds=seeds, steps=steps, epochs=epochs,
        images=images, minutes=minutes, by=by, threads=threads, device=device,
    )  # fmt: skip
    at_once, each = _share(request)
    with opened(None if out is None else place(out), request) as (folder, record):
        _measure_lengths(request, folder, record, each)
        waiting = _jobs(request, folder / RUNS, record["steps"], each)
        failures = _train(waiting, at_once, folder, record, say)
        rows = measured(request, waiting, record["memory"], failures)
        if not any(row.trials for row in rows):
            raise RuntimeError(f"no model could be trained: {next(iter(failures.values()))}")
        ordered, pairs, orders = ranked(rows, request.by)
        budget = request.budget_words(_steps_of_runs(request, rows))
        comparison = Comparison(
            request.dataset.name, budget, request.by, ordered, pairs, orders,
            against(rows, pairs, request.by), str(folder), notes(request, ordered, at_once, each),
        )  # fmt: skip
        keep(folder, record | {"result": comparison.to_json()})
        write_comparison(comparison)
    return comparison


def _share(request: Request) -> tuple[int, int | None]:
    """Trainings at a time, and the threads of each; None leaves torch's choice."""
    if devices.choose(request.device).type != "cpu":
        return request.jobs or 1, request.threads
    at_once = request.jobs or max(1, processors() // (request.threads or 1))
    return at_once, request.threads or max(1, processors() // at_once)


def _measure_lengths(request: Request, folder: Path, record: dict[str, Any], threads: int | None) -> None:
    """The steps of each recipe under a budget of images or minutes, measured once and kept."""
    if request.budget is None or request.budget[0] in BUDGET:
        return
    kind, amount = request.budget
    for entry in request.entries:
        if entry.folder is None and entry.label not in record["steps"]:
            resolved = entry.resolved()
            chosen_latent(None, resolved, request.dataset, devices.choose(request.device))
            record["steps"][entry.label] = (
                steps_for_images(resolved, request.dataset, int(amount))
                if kind == "images"
                else steps_for_seconds(resolved, request.dataset, amount * MINUTE, request.device, threads)
            )
    keep(folder, record)


def _jobs(request: Request, folder: Path, lengths: Mapping[str, int], threads: int | None) -> list[Job]:
    """The trainings that the recipes need."""
    kind, amount = request.budget or (None, None)
    shared = {"data": request.spec, "device": request.device, "threads": threads, **request.options}
    found = []
    for entry in request.entries:
        if entry.folder is not None:
            continue
        length = {} if kind is None else {kind: amount} if kind in BUDGET else {"steps": lengths[entry.label]}
        settings = dict(entry.options) | shared | length
        seeds = range(request.seeds)
        found += [job_of(entry.label, entry.slug, entry.recipe, seed, folder, settings) for seed in seeds]
    return found


def _train(
    waiting: Sequence[Job], at_once: int, folder: Path, record: dict[str, Any], say: Callable[[str], None]
) -> dict[tuple[str, int], str]:
    """Trains what is not trained yet; the reasons of those that failed."""
    undone = [job for job in waiting if not job.complete]
    failures: dict[tuple[str, int], str] = {}
    keep(folder, record)
    for number, (job, done) in enumerate(run_jobs(undone, at_once), 1):
        if done.error is not None:
            failures[job.label, job.seed] = done.error
        else:
            record["memory"][job.folder.name] = done.memory
            keep(folder, record)
        say(f"{number} of {len(undone)}: {job.label}, seed {job.seed}: {_outcome(done)}")
    return failures


def _outcome(done: Done) -> str:
    return "trained" if done.error is None else f"failed: {done.error}"


def _steps_of_runs(request: Request, rows: Sequence[Row]) -> list[int]:
    """The steps of the runs that were there."""
    there = {entry.label for entry in request.entries if entry.folder is not None}
    return [trial.steps for row in rows if row.label in there for trial in row.trials]
