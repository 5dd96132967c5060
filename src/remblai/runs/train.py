"""One training run: a recipe and data are resolved, trained, evaluated and reported."""

import copy
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from remblai.data import Dataset
from remblai.laws import FittedLaw
from remblai.metrics import SCORED
from remblai.objectives import Objective
from remblai.objectives.power import blindness
from remblai.recipes import Recipe
from remblai.runs.checkpoints import Checkpoint
from remblai.runs.data import check_enough, data_of
from remblai.runs.evaluate import measure, write_report
from remblai.runs.fit import fit
from remblai.runs.folder import Run
from remblai.runs.load import load
from remblai.runs.log import log_line, validation_scores
from remblai.runs.manifest import (
    Compile,
    Precision,
    check_critics,
    describe,
    now,
    resolve_counts,
    resolve_run,
)
from remblai.runs.model import Trained
from remblai.runs.progress import Progress
from remblai.runs.resolve import Resolved
from remblai.runs.start import check_request, started
from remblai.runtime import devices, rng
from remblai.runtime.files import place
from remblai.runtime.signals import Interrupted, stop_signals
from remblai.training import Diverged, State, check, steps

IMAGES = 4
"""Dimensions of a batch of images."""


def train(
    recipe: str | Recipe | None = None,
    *,
    data: Any = None,
    out: str | Path | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    compile: Compile = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    from_run: str | Path | None = None,
    checkpoint_every: int = 1000,
    keep: int = 2,
    evaluate_every: int = 1000,
    quiet: bool = False,
    tensorboard: bool = False,
    data_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Trained:
    """Trains a recipe on data, measures it and writes its report.

    Returns the trained model.

    Args:
        recipe: a name of `recipes.RECIPES`, a recipe, or path/to/file.py:function.
        data: a name, alone or as {"name": "ring", "radius": 1.0} (--data ring --data.radius 1), a folder or a file; in
            Python also arrays, tensors, data frames, PyTorch data sets and what `data.load` returns.
        out: the run's folder; None takes the next free one under runs/.
        epochs: passes over the training data, in place of steps.
        seed: of everything random.
        device: auto, cpu, cuda or cuda:0.
        precision: auto is bfloat16 where the hardware has it, else float32.
        compile: auto compiles on a GPU only.
        threads: of the CPU; None leaves torch's choice.
        overwrite: replace the run in `out`. It stays until the new run has its first checkpoint; other files stay.
        resume: continue the run in `out`; the same settings are needed, but for more steps.
        from_run: a run whose settings are repeated, but for those given here.
        checkpoint_every: steps between checkpoints.
        keep: how many of the newest checkpoints stay, besides the best.
        evaluate_every: steps between evaluations on the validation data; 0 for none.
        quiet: show no progress.
        tensorboard: also write TensorBoard's event files.
        data_options: of `data.load`: size, crop, channels, layout, range, columns, pages, max_pixels, skip_broken.
        **options: the recipe's, its parts' and its loop's, by name.

    Raises:
        ValueError: bad input, with what was expected, what came and how to fix it.
        Diverged: a term is not finite; the last checkpoint stays.
        Interrupted: a signal stopped the training; a checkpoint was written.
    """
    check_request(
        {
            "threads": (threads, 1),
            "seed": (seed, 0),
            "checkpoint_every": (checkpoint_every, 1),
            "keep": (keep, 1),
            "evaluate_every": (evaluate_every, 0),
        },
        {"overwrite": overwrite, "resume": resume, "quiet": quiet, "tensorboard": tensorboard},
    )
    folder = None if out is None else place(out)
    if threads is not None:
        torch.set_num_threads(threads)
    base = Run.open(from_run).settings if from_run else None
    if base is not None:
        precision = base["precision"] if precision == "auto" else precision
        compile = ("on" if base["compile"] else "off") if compile == "auto" else compile
    resolved = resolve_run(recipe, options, base)
    spec, data_options, dataset = data_of(data, data_options, base)
    check_enough(dataset)
    seed = base["seed"] if seed is None and base else seed or 0
    resolve_counts(resolved, dataset, epochs, "steps" in options)
    where = devices.choose(device)
    settings = describe(resolved, spec, dataset, data_options, seed, where, precision, compile)
    rng.seed(seed)
    objective, latent_law = resolved.build(dataset.shape).to(where), resolved.latent_law()
    _channels_last_weights(objective)
    state = State(objective, **resolved.loop, precision=settings["precision"], compile=settings["compile"])
    check_critics(state, resolved)
    _rehearse(state, dataset, seed)
    with started(folder, settings, overwrite, resume, resolved.given) as run:
        best = _continue(run, state) if resume else None
        with Progress(state, quiet, run if tensorboard else None) as progress:
            for note in dataset.notes:
                progress.say(f"data: {note}")
            if (blind := blindness(objective, state.batch_size)) is not None:
                progress.say(f"penalty: {blind}")
            if state.step == state.steps:
                progress.say(f"{run.folder} is complete: all its {state.steps} steps are done")
            else:
                try:
                    _train(
                        run, state, dataset, latent_law, progress, seed, best, checkpoint_every, keep, evaluate_every
                    )
                except Diverged as problem:
                    _explain(problem, run)
                    raise
        again = partial(load, run.folder, device=device, recipe=resolved.recipe, **_live(resolved))
        trained = again()
        if trained.fits:
            _fit(trained, again(which="best"), dataset)
        measure(trained, dataset)
        write_report(trained, dataset)
    return trained


def _explain(problem: Diverged, run: Run) -> None:
    """Notes in the run and in the problem what stays of a training that diverged."""
    last = run.pointed("last")
    problem.kept = int(last.name) if last else None
    kept = f"the checkpoint of step {problem.kept} stays" if last else "there was no checkpoint yet"
    earlier = ", and the run that was to be replaced stays" if run.replaces else ""
    problem.add_note(f"{kept}{earlier}. Try a smaller --lr, or --clip 1.")
    run.update(status="diverged", ended=now())


def _fit(last: Trained, best: Trained, dataset: Dataset) -> None:
    """Fits the law that samples are decoded from to the codes of both checkpoints."""
    fit(last, dataset=dataset)
    if best.step != last.step:
        fit(best, dataset=dataset)


def _train(
    run: Run,
    state: State,
    dataset: Dataset,
    latent_law: FittedLaw | None,
    progress: Progress,
    seed: int,
    best: float | None,
    checkpoint_every: int,
    keep: int,
    evaluate_every: int,
) -> None:
    """Runs the loop: logs, scores, saves."""
    run.update(status="running", ended=None)
    where = next(state.objective.parameters()).device
    batches = dataset.train.batches(state.batch_size, seed, start=state.batches_drawn, device=where)
    assert state.steps is not None
    every = max(1, min(50, state.steps // 100))
    scored = evaluate_every > 0 and len(dataset.validation) > 1
    with stop_signals() as stopped:
        for step in steps(state, map(_channels_last, batches)):
            last = step.number == state.steps
            if step.number % every == 0 or last or stopped:
                check(state)
                line = log_line(state, step)
                run.log(line)
                progress.show(line)
            improved = False
            if scored and (step.number % evaluate_every == 0 or last):
                check_weights(state)
                scores = validation_scores(state, dataset, latent_law)
                run.log({"step": step.number, "validation": scores})
                score = scores["energy_distance_squared"]
                improved = best is None or score < best
                best = score if improved else best
            stop = bool(stopped)  # read once: a signal that comes while saving waits for the next step
            if improved or step.number % checkpoint_every == 0 or last or stop:
                _save(run, state, {"best": best, "improved": improved}, keep)
            if improved:
                run.mark_best(step.number)
            if stop and not last:
                run.update(status="stopped", ended=now())
                raise Interrupted(stopped[0])
            progress.step()
    run.update(status="complete", ended=now(), compile_fell_back=state.terms.fell_back or state.adversary.fell_back)
    if stopped:
        raise Interrupted(stopped[0])


def _rehearse(state: State, dataset: Dataset, seed: int) -> None:
    """Computes every loss once, on a copy: data and parts that do not fit are refused before anything is written."""
    objective = copy.deepcopy(state.objective).train()
    where = next(objective.parameters()).device
    x = next(dataset.train.batches(state.batch_size, seed, device=where))
    with rng.seeded(0, where), state.autocast():
        objective(x)
        objective.adversary_loss(x)
        if len(dataset.validation) > 1:
            objective.estimate(dataset.validation[: min(SCORED, len(dataset.validation))].to(where))
        if state.warm_start and objective.warm_start(x) is None:
            raise ValueError(f"warm_start: {type(objective).__name__} has no first phase; set warm_start to 0.")


def check_weights(state: State) -> None:
    """Raises `Diverged` when a term has been, or a weight is, infinite or not a number. Waits for the device."""
    check(state)
    for name, value in state.objective.state_dict().items():
        if not torch.isfinite(value).all():
            raise Diverged(state.step, name)


def _save(run: Run, state: State, score: dict[str, Any], keep: int) -> None:
    """Writes a checkpoint, unless something in it is not finite: then the one before it stays the last."""
    check_weights(state)
    average = state.average.values if state.average else None
    run.save(Checkpoint(state.step, state.objective.state_dict(), average, state.state_dict() | score), keep)


def _continue(run: Run, state: State) -> float | None:
    """Puts the run's newest whole checkpoint into the state; the best score so far."""
    checkpoint = run.load()
    run.cut_terms(checkpoint.number if checkpoint else 0)
    if checkpoint is None:
        return None
    state.objective.load_state_dict(checkpoint.weights)
    state.load_state_dict(checkpoint.state, checkpoint.average)
    if checkpoint.state["improved"]:  # a kill may have come between saving and marking
        run.mark_best(checkpoint.number)
    best: float | None = checkpoint.state["best"]
    return best


def _live(resolved: Resolved) -> dict[str, Any]:
    """The live parts that were passed, by name."""
    names = [option.name for option in resolved.signature if option.table is not None]
    return {name: resolved.arguments[name] for name in names if not isinstance(resolved.arguments[name], str)}


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == IMAGES else x


def _channels_last_weights(objective: Objective) -> None:
    """Lays convolutions out as the hardware likes them; a parameter's values and order stay as they are."""
    for parameter in objective.parameters():
        if parameter.ndim == IMAGES:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
