"""One training run: a recipe and data are resolved, trained, evaluated and reported."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from remblai.data import Dataset
from remblai.recipes import Recipe
from remblai.runs.augment import set_up_augmentation, training_batches
from remblai.runs.data import check_enough, data_of
from remblai.runs.ending import complete_in_words, note_end
from remblai.runs.evaluate import measure, write_report
from remblai.runs.features import keep_features
from remblai.runs.feed import channels_last_weights, dry_run, memory_explained
from remblai.runs.fit import fit_both
from remblai.runs.folder import Run
from remblai.runs.labels import check_classes, class_count, count_classes
from remblai.runs.latent import chosen_latent
from remblai.runs.load import load
from remblai.runs.loggers import Chosen, loggers_of
from remblai.runs.loop import run_loop
from remblai.runs.manifest import (
    Compile,
    Graph,
    Precision,
    check_critics,
    describe,
    repeated,
    resolve_counts,
    resolve_run,
)
from remblai.runs.measure import chosen_compile, chosen_graph
from remblai.runs.messages import failures_noted, say_first
from remblai.runs.model import Trained
from remblai.runs.parts import parts_record, with_parts
from remblai.runs.plateau import Plateau, asked_or_earlier, check_patience
from remblai.runs.previews import report_pictures
from remblai.runs.processes import check_agreement, started_by_first
from remblai.runs.progress import Progress
from remblai.runs.recording import Recording, recording
from remblai.runs.resolve import NOT_OPTIONS, Resolved
from remblai.runs.saving import continue_state
from remblai.runs.seen_as import Scaling, chosen_scaling
from remblai.runs.start import check_request, earlier_settings
from remblai.runtime import devices, distributed, rng
from remblai.runtime.files import place
from remblai.runtime.processes import from_first, launched, together
from remblai.training import State


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
    graph: Graph = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    from_run: str | Path | None = None,
    checkpoint_every: int | None = None,
    keep: int | None = None,
    evaluate_every: int | None = None,
    patience: int | None = None,
    quiet: bool = False,
    logger: Chosen | None = None,
    tensorboard: bool = False,
    conditional: bool | None = None,
    augment: tuple[str, ...] | None = None,
    codes_of: str | None = None,
    scaling: Scaling | None = None,
    data_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Trained:
    """Trains a recipe on data, measures it and writes its report.

    Returns the trained model. Processes that torchrun or srun started together train one model: `batch_size` is that of
    all of them, and the first one writes the run and measures it.

    Args:
        recipe: a name of `recipes.RECIPES`, a recipe, or path/to/file.py:function.
        data: a name, alone or as {"name": "ring", "radius": 1.0} (--data ring --data.radius 1), a folder or a file; in
            Python also arrays, tensors, data frames, PyTorch data sets and what `data.load` returns. The embedded
            digits when not given.
        out: the run's folder; None takes the next free one under runs/.
        epochs: passes of the model over the training data, in place of steps; critics with batches of their own, as
            those of wgan-gp, see more.
        seed: of everything random; 0 when not given, or as the run to repeat.
        device: auto, cpu, cuda or cuda:0.
        precision: auto is bfloat16 where the hardware has it, else float32.
        compile: auto compiles on a GPU only, where it is measured to save more time than it takes: never in a run whose
            training takes less than five minutes.
        graph: whether steps are recorded as CUDA graphs; auto does so on a GPU.
        threads: of the CPU; None leaves torch's choice.
        overwrite: replace the run in `out`. It stays until the new run has its first checkpoint; other files stay.
        resume: continue the run in `out`, by its own settings where no recipe is named; else the same settings are
            needed. More steps may be asked for.
        from_run: a run whose settings are repeated, but for those given here.
        checkpoint_every: steps between checkpoints. When not given as in the run to resume or to repeat, else 1000.
        keep: how many of the newest checkpoints stay, besides the best. When not given as there, else 2.
        evaluate_every: steps between evaluations on the validation data; 0 for none. When not given as in the run to
            resume or to repeat, else a tenth of the steps, at least 50 and at most 1000.
        patience: evaluations in a row without a smaller energy distance to the validation data after which the training
            stops; None trains all steps. The best checkpoint is kept as `best`.
        quiet: show no progress.
        logger: where figures and pictures also go: tensorboard, wandb, mlflow or trackio, or several, joined by commas;
            in Python also objects of `runs.loggers.Logger`. A run that is resumed goes on with those it had by name.
        tensorboard: the same as the logger tensorboard.
        conditional: train by the labels of the data, each class with a law of its own; not when not given, or as the
            run to repeat does.
        augment: changes of images in training, joined by commas: flip, shift, colour. A generator compares changed data
            with samples that are changed alike, with a critic adaptively; other models are fed changed data. None when
            not given, or as the run to repeat does.
        codes_of: trains on the codes of pictures by a frozen auto-encoder of diffusers: sd-vae, rae, its folder, or
            owner/name on the hub. None when not given, or as the run to repeat does.
        scaling: of columns: normal-scores, by their ranks, so that samples keep the ends, spikes and tails of each, or
            standard, in standard deviations. When not given as in the run to repeat, else normal scores for tables and
            standard for arrays of points.
        data_options: of `data.load`: size, crop, channels, layout, range, columns, label, pages, max_pixels,
            skip_broken.
        **options: the recipe's, its parts' and its loop's, by name.

    Raises:
        ValueError: bad input, with what was expected, what came and how to fix it.
        Diverged: a term is not finite; the last checkpoint stays.
        ConnectionError: processes that do not meet within 30 seconds, or one that is lost.
        Interrupted: a signal stopped the training; a checkpoint was written.
    """
    check_request(
        {
            "threads": (threads, 1),
            "seed": (seed, 0),
            "checkpoint_every": (checkpoint_every, 1),
            "keep": (keep, 1),
            "evaluate_every": (evaluate_every, 0),
            "patience": (patience, 1),
        },
        {"overwrite": overwrite, "resume": resume, "quiet": quiet, "tensorboard": tensorboard},
        out,
    )
    folder = None if out is None else place(out)
    if threads is not None:
        torch.set_num_threads(threads)
    if resume and recipe is None and from_run is None:
        from_run = folder
    base = Run.open(from_run).settings if from_run else None
    asked = repeated(base, precision, compile, conditional, augment)
    resumed = folder if resume else None
    earlier = earlier_settings(resumed)
    counts = asked_or_earlier(
        {"patience": patience, "evaluate_every": evaluate_every, "checkpoint_every": checkpoint_every, "keep": keep},
        earlier or base,
    )
    loggers, named = loggers_of(logger, tensorboard, (earlier or {}).get("loggers"))
    where = devices.choose(device, launch.local if (launch := launched()) else None)
    with together(where), devices.tuned(where):
        resolved = resolve_run(recipe, options, base)
        spec, data_options, dataset = data_of(
            data,
            {"codes_of": codes_of, "scaling": chosen_scaling(scaling, base, earlier), **(data_options or {})},
            base,
        )
        check_enough(dataset)
        check_classes(dataset, wanted=asked["conditional"])
        check_patience(counts["patience"], counts["evaluate_every"], len(dataset.validation))
        resolve_counts(resolved, dataset, epochs, "steps" in options)
        resolved = with_parts(resolved, dataset, resumed)
        latent = chosen_latent(earlier, resolved, dataset, where)
        seed = base["seed"] if seed is None and base else seed or 0
        settings = describe(
            resolved, spec, dataset, data_options, seed, where,
            graph=chosen_graph(graph, resumed, base), **asked,
        )  # fmt: skip
        settings |= counts | {"loggers": named} | parts_record(resolved)
        settings |= {} if latent is None else {"latent_choice": latent}
        check_agreement(settings)
        if asked["compile"] == "auto":
            settings |= chosen_compile(resumed, settings, resolved, dataset, where)
        rng.seed(seed)
        state, augmentations = _state_of(resolved, dataset, settings, where)
        first = distributed.rank() == 0
        with memory_explained(state), started_by_first(folder, settings, overwrite, resume, resolved.given) as run:
            keep_features(run, resolved)
            plateau = Plateau(counts["patience"])
            plateau = continue_state(run, state, plateau) if resume else plateau
            with recording(loggers, run, state.step) as recorder:
                with Progress(state, quiet or not first) as progress, failures_noted(run):
                    say_first(progress, folder or run.folder, state, resolved, dataset, latent, first and not quiet)
                    if state.step == state.steps or plateau.reached:
                        if run.settings["status"] != "complete":  # a kill may have come between saving and noting it
                            note_end(run, state, plateau)
                        progress.say(complete_in_words(run, state, plateau))
                    else:
                        law = None if state.objective.matches_prior else resolved.latent_law(class_count(settings))
                        stream = training_batches(state, dataset, seed, augmentations)
                        run_loop(
                            run, state, dataset, law, progress, recorder, stream, plateau,
                            counts["checkpoint_every"] or 1, counts["keep"] or 1, counts["evaluate_every"],
                        )  # fmt: skip
                    progress.say("the training has ended: its figures are measured and its report is written")
                return _finished(run, resolved, dataset, where, recorder)


def _state_of(
    resolved: Resolved, dataset: Dataset, settings: Mapping[str, Any], where: torch.device
) -> tuple[State, tuple[str, ...]]:
    """The state before the first step, whose losses were computed once, and the augmentations of its batches."""
    objective = count_classes(resolved.build(dataset.shape, class_count(settings)), dataset).to(where)
    augmentations = set_up_augmentation(objective, settings)
    channels_last_weights(objective)
    state = State(objective, **resolved.loop, **{name: settings[name] for name in NOT_OPTIONS})
    check_critics(state, resolved)
    with memory_explained(state):
        dry_run(state, dataset, settings["seed"])
    return state, augmentations


def _finished(run: Run, resolved: Resolved, dataset: Dataset, where: torch.device, recorder: Recording) -> Trained:
    """The trained model, in every process; the first one fits its latent law, measures it and writes its report."""
    folder = from_first(run.folder)  # the last checkpoint is there, and a run that replaced another has moved
    again = partial(load, folder, device=str(where), recipe=resolved.recipe, **resolved.live())
    trained, first = again(), distributed.rank() == 0
    with distributed.single_process(wanted=True):
        if first and trained.fits:
            fit_both(trained, again(which="best"), dataset)
        if first:
            measure(trained, dataset)
            write_report(trained, dataset)
            recorder.pictures(trained.step, lambda: report_pictures(folder))
    return trained
