"""Several models on one data set, trained with equal budgets where they are recipes, in one table with its tests."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from remblai.compare.budget import steps_for_images, steps_for_seconds
from remblai.compare.comparison import Comparison
from remblai.compare.entries import BUDGET, Entry
from remblai.compare.jobs import Done, Job, job_of, run_jobs
from remblai.compare.page import write_comparison
from remblai.compare.request import Request, request_of
from remblai.compare.table import Row, Trial, against, comparable, ranked, row_of
from remblai.runs.evaluate import evaluate
from remblai.runs.labels import class_count
from remblai.runs.latent import chosen_latent
from remblai.runs.load import load
from remblai.runs.record import SCHEMA, read_settings
from remblai.runs.start import next_folder
from remblai.runtime import devices
from remblai.runtime.devices import processors
from remblai.runtime.files import explained, place, write_json
from remblai.runtime.locks import locked

FILE, RUNS = "compare.json", "runs"
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
    where it was stopped, and tries anew what failed.

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
        out: the folder of the comparison; None takes the next free one under runs/.
        config: a YAML file with these settings, `runs` among them: a list of recipes with options and grids of options.
        most: how many models there may be.
        jobs: trainings at a time; one a processor on a CPU, 1 on a GPU, when None.
        threads: of each training; the processors shared among the trainings on a CPU when None.
        device: auto, cpu, cuda or cuda:0.
        data_options: of `data.load`.
        say: is called with a line about each training that ends.

    Raises:
        ValueError: unknown names, options or figures; runs of different data; budgets of two kinds; a folder that holds
            something else.
        RuntimeError: every training failed.
    """
    request = request_of(
        models, config, most, data_options or {}, data=data, seeds=seeds, steps=steps, epochs=epochs, images=images,
        minutes=minutes, by=by, threads=threads, device=device,
    )  # fmt: skip
    at_once, each = _share(request, jobs)
    with _opened(None if out is None else place(out), request) as (folder, record):
        _measure_lengths(request, folder, record, each)
        waiting = _jobs(request, folder / RUNS, record["steps"], each)
        failures = _train(waiting, at_once, folder, record, say)
        rows = [_row(entry, request, waiting, record["memory"], failures) for entry in request.entries]
        if not comparable(rows):
            rows = [_row(entry, request, waiting, record["memory"], failures, anew=True) for entry in request.entries]
        if not any(row.trials for row in rows):
            raise RuntimeError(f"no model could be trained: {next(iter(failures.values()))}")
        ordered, pairs, orders = ranked(rows, request.by)
        budget = request.budget_words(_steps_of_runs(request, rows))
        comparison = Comparison(
            request.dataset.name, budget, request.by, ordered, pairs, orders,
            against(rows, pairs, request.by), str(folder), _notes(request, at_once, each),
        )  # fmt: skip
        _keep(folder, record | {"result": comparison.to_json()})
        write_comparison(comparison)
    return comparison


@contextmanager
def _opened(out: Path | None, request: Request) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The comparison's folder, locked, and what is known of its trainings.

    Raises:
        ValueError: the folder holds something else, or another comparison.
    """
    folder = next_folder("compare") if out is None else out
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        path = folder / FILE
        record: dict[str, Any] = {"request": request.identity, "steps": {}, "memory": {}}
        if path.is_file():
            record |= _read(path)
            changed = [name for name, value in request.identity.items() if record["request"].get(name) != value]
            if changed:
                raise ValueError(
                    f"{folder} holds another comparison: {changed[0]} was {record['request'].get(changed[0])}, now "
                    f"{request.identity[changed[0]]}: name another --out."
                )
        elif any(folder.iterdir()):
            raise ValueError(f"{folder} is not empty and holds no comparison: name another --out.")
        yield folder, record


def _keep(folder: Path, record: Mapping[str, Any]) -> None:
    write_json(folder / FILE, {"schema": SCHEMA, **record})


def _read(path: Path) -> dict[str, Any]:
    """What `compare.json` says of the request and its trainings."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept: dict[str, dict[str, Any]] = {name: dict(found[name]) for name in ("request", "steps", "memory")}
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"{path} cannot be read ({problem}): name another --out.") from None
    return kept


def _share(request: Request, jobs: int | None) -> tuple[int, int | None]:
    """Trainings at a time, and the threads of each; None leaves torch's choice."""
    if devices.choose(request.device).type != "cpu":
        return jobs or 1, request.threads
    at_once = jobs or max(1, processors() // (request.threads or 1))
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
    _keep(folder, record)


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
    _keep(folder, record)
    for number, (job, done) in enumerate(run_jobs(undone, at_once), 1):
        if done.error is not None:
            failures[job.label, job.seed] = done.error
        else:
            record["memory"][job.folder.name] = done.memory
            _keep(folder, record)
        say(f"{number} of {len(undone)}: {job.label}, seed {job.seed}: {_outcome(done)}")
    return failures


def _outcome(done: Done) -> str:
    return "trained" if done.error is None else f"failed: {done.error}"


def _steps_of_runs(request: Request, rows: Sequence[Row]) -> list[int]:
    """The steps of the runs that were there."""
    there = {entry.label for entry in request.entries if entry.folder is not None}
    return [trial.steps for row in rows if row.label in there for trial in row.trials]


def _row(
    entry: Entry,
    request: Request,
    jobs: Sequence[Job],
    memory: Mapping[str, int],
    failures: Mapping[tuple[str, int], str],
    anew: bool = False,
) -> Row:
    """The row of an entry: of the run that is there, or of its trainings; `anew` takes every figure again."""
    if entry.folder is not None:
        return row_of(entry.label, [_trial(entry.folder, request, None, entry.recipe or None, anew)], {})
    trials = [
        _trial(job.folder, request, memory.get(job.folder.name), entry.recipe, anew)
        for job in jobs
        if job.label == entry.label and (job.label, job.seed) not in failures
    ]
    return row_of(entry.label, trials, {seed: why for (label, seed), why in failures.items() if label == entry.label})


def _trial(folder: Path, request: Request, memory: int | None, recipe: str | None, anew: bool) -> Trial:
    """A run's figures, as they are kept where they are of the request's data, else taken anew."""
    trained = load(folder, device=request.device, recipe=recipe)
    run = trained.run
    same = not anew and run.settings["data"]["fingerprint"] == request.dataset.fingerprint
    same = same and run.measured_step() == trained.step
    card = (run.metrics() if same else None) or dict(evaluate(trained, request.dataset))
    lines = [line for line in run.terms() if "seconds" in line]
    if not lines:
        raise ValueError(f"{folder}: terms.jsonl has no line of the training: restore the file, or train again.")
    last = lines[-1]
    return Trial(
        seed=run.settings["seed"],
        folder=str(folder),
        card=card,
        seconds=float(last["seconds"]),
        images=int(last["images"]),
        steps=trained.step,
        parameters=sum(parameter.numel() for parameter in trained.objective.parameters()),
        memory=memory,
        classes=class_count(run.settings),
    )


def _notes(request: Request, at_once: int, threads: int | None) -> list[str]:
    """What a reader must know of how the figures were made."""
    there = [(entry.label, read_settings(entry.folder)) for entry in request.entries if entry.folder is not None]
    ended = [
        f"{label} has not ended: it is {found.get('status')}"
        for label, found in there
        if found.get("status") != "complete"
    ]
    return _of_trainings(request, at_once, threads) + ended


def _of_trainings(request: Request, at_once: int, threads: int | None) -> list[str]:
    if all(entry.folder is not None for entry in request.entries):
        return ["runs that were there: each has its own budget and one seed, so a test speaks of that model alone"]
    notes = [f"trained {at_once} at a time" + (f", {threads} thread{'s' * (threads > 1)} each" if threads else "")]
    if any(entry.folder is not None for entry in request.entries):
        notes.append("runs that were there have their own budgets and one seed: a test speaks of that model alone")
    if request.budget is not None and request.budget[0] == "epochs":
        notes.append("epochs count the batches of the model: critics with batches of their own see more")
    if request.seeds == 1:
        notes.append("one seed each: a test speaks of these trained models, not of their recipes")
    return notes
