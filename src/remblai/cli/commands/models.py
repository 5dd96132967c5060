"""The commands on a trained model, as functions whose signatures and docstrings are the command line's.

Wrong usage is answered from the signatures, before torch is imported: so the functions import what they need.
"""

import warnings
from collections.abc import Mapping
from typing import Annotated, Any

from remblai.cli.output import show, show_json
from remblai.config.registry import Choice, LazyTable, nest
from remblai.runs.record import SCHEMA
from remblai.runtime.files import UnwritableError, place
from remblai.runtime.suffixes import ARRAYS, FILMS, TABLES

Sampler = Annotated[str | None, LazyTable("remblai.laws:SAMPLERS")]


def sample(
    run: str,
    *,
    n: int = 64,
    sampler: Sampler = None,
    class_: str | None = None,
    guidance: float | None = None,
    sampling_steps: int | None = None,
    seed: int = 0,
    out: str | None = None,
    recipe: str | None = None,
    device: str = "auto",
) -> None:
    """Draws samples of a trained model.

    Args:
        run: the run's folder.
        n: how many.
        sampler: the law of the codes that they are decoded from; `fit` makes all but the prior. The recipe's own when
            not given.
        class_: of a model that was trained with --conditional: the class of all samples; drawn by the classes' shares
            when not given.
        guidance: of a flow, towards the class: 1 its law, above 1 more typical samples; as the run says when not given.
        sampling_steps: of a flow, from noise to a sample; as the run says when not given.
        seed: of the draw.
        out: a .png (a sheet of images), .npz or .npy, of points also a .csv, .tsv or .parquet; the run's drawn.png,
            drawn.csv (of a table) or drawn.npz when not given.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    path = None if out is None else place(out, (*ARRAYS, *TABLES))
    from remblai.cli.arrays import check_kind, labels_column, write
    from remblai.cli.flow import set_flow
    from remblai.cli.tables import check_table
    from remblai.runs.labels import labels_of_draws
    from remblai.runs.load import load

    if path is not None:
        check_table(path)
    trained = load(run, device=device, recipe=recipe)
    set_flow(trained, sampling_steps, guidance)
    units = trained.units
    path = path or trained.folder / ("drawn.png" if units.range else "drawn.csv" if units.columns else "drawn.npz")
    check_kind(path, trained.units)
    labels = labels_of_draws(trained.objective, n, class_, trained.classes, seed)
    samples = trained.draws(n, seed, sampler, labels)
    show(write(path, samples, trained.units, columns=None, beside=labels_column(trained, labels)))


def fit(
    run: str,
    *,
    sampler: Annotated[Choice | None, LazyTable("remblai.laws:FITTED")] = None,
    recipe: str | None = None,
    device: str = "auto",
    options: Mapping[str, Any] | None = None,
) -> None:
    """Fits a law to the codes of a run's training data and keeps it with the run: samples can be decoded from it.

    Args:
        run: the run's folder.
        sampler: the kind of law, --sampler NAME --help shows the options of one; the recipe's own when not given.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
        options: of the law.
    """
    from remblai.cli.arrays import dataset_of
    from remblai.runs.fit import fit as fit_law
    from remblai.runs.load import load

    trained = load(run, device=device, recipe=recipe)
    chosen = nest({"sampler": sampler} | dict(options or {}))["sampler"]
    law = fit_law(trained, chosen, dataset_of(trained, None))
    name = sampler or trained.sampler
    for of_class, choice in law.choices(trained.classes if trained.conditional else None).items():
        show(f"{name}{f' of class {of_class}' * bool(of_class)}: {choice}")
    show(f"{run}: the law {name} is fitted; `remblai sample {run} --sampler {name}` draws from it")


def interpolate(
    run: str,
    *,
    data: str | None = None,
    n: int | None = None,
    steps: int = 9,
    classes: tuple[str, ...] | None = None,
    out: str,
    recipe: str | None = None,
    device: str = "auto",
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Writes walks between data through the codes, one pair a row; between draws where there is no encoder.

    Of a model that was trained with --conditional a walk leads from the class of one end to that of the other; with
    --classes each row keeps one code and walks from the first class named to the second.

    Args:
        run: the run's folder.
        data: where the ends come from, of a name the training split unless NAME:test says another; the run's own test
            data when not given.
        n: how many walks; 8, or as many as there are pairs of data, when not given.
        steps: images in each, both ends included.
        classes: two, joined by a comma, between which codes are decoded.
        out: a .png, .npz or .npy, or a .gif or .mp4 that plays all walks at once, back and forth; --steps 48 is
            smooth; of points .npz, .npy, .csv, .tsv or .parquet, a table with the columns walk and step.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    path = place(out, (*ARRAYS, *FILMS, *TABLES))
    if n is not None and n < 1:
        raise ValueError(f"n: expected at least 1 walk, got {n}.")
    if steps < 2:
        raise ValueError(f"steps: expected at least 2, got {steps}.")
    if classes is not None and len(classes) != 2:
        raise ValueError(f"classes: expected two, joined by a comma, got {len(classes)}.")
    from remblai.cli.arrays import check_film, check_kind, labels_column, write_walks
    from remblai.cli.tables import check_table
    from remblai.cli.walks import between_classes, between_data, between_draws, one_class
    from remblai.runs.load import load

    check_film(path)
    check_table(path)
    trained = load(run, device=device, recipe=recipe)
    check_kind(path, trained.units)
    drawn = classes is not None or not (trained.encodes or data is not None)
    if drawn and (data is not None or data_options):
        raise ValueError("interpolate: the codes of these walks are draws: leave --data and its options out.")
    if classes is not None:
        start, end, labels = between_classes(trained, classes, n)
    elif drawn:
        start, end, labels = between_draws(trained, n)
    else:
        start, end, labels = between_data(trained, data, data_options, n)
    walks = trained.walks(start, end, steps, labels)
    show(write_walks(path, walks, trained.units, labels_column(trained, one_class(labels))))


def evaluate(
    run: str | None = None,
    *,
    samples: str | None = None,
    data: str | None = None,
    n: int | None = None,
    sampler: Sampler = None,
    features: Annotated[Choice | None, LazyTable("remblai.features:FEATURES")] = None,
    json: bool = False,
    recipe: str | None = None,
    device: str = "auto",
    options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Measures a trained model, or samples of any other, against held-out data, each figure beside its floor.

    Args:
        run: the run's folder.
        samples: in the place of a run: a folder or a file of samples, made by any program, which --data names the
            real data of.
        data: a name, a folder or a file; the run's own when not given.
        n: how many samples and held-out data; as many as there are, at most 2,000, when not given.
        sampler: the law of the codes that samples are decoded from; `fit` makes all but the prior. The figures of the
            recipe's own, taken when not given, are kept with the run, unless it holds those of more samples.
        features: of images, for the Frechet distance and its like; --features NAME --help shows the options of one.
            When not given those of a shipped classifier for digits and MNIST, of one that is trained for other
            labelled images, random convolutions otherwise.
        json: print JSON and nothing else.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
        options: of the features.
    """
    if (run is None) == (samples is None):
        got = "neither" if run is None else "both"
        raise ValueError(f"evaluate: expected the folder of a run or --samples FILE, got {got}.")
    chosen = nest({"features": features} | dict(options or {}))["features"]
    if run is None:
        given = {"--sampler": sampler, "--recipe": recipe, "--device": None if device == "auto" else device}
        if (idle := next((name for name, value in given.items() if value is not None), None)) is not None:
            raise ValueError(f"evaluate: {idle} is of a run: leave it out with --samples.")
        _evaluate_samples(str(samples), data, n, chosen, json, data_options)
        return
    from remblai.cli.arrays import dataset_of
    from remblai.runs.evaluate import evaluate as figures_of
    from remblai.runs.evaluate import is_of
    from remblai.runs.figures import keep_figures
    from remblai.runs.load import load

    trained = load(run, device=device, recipe=recipe)
    dataset = dataset_of(trained, data, data_options)
    metrics = figures_of(trained, dataset, n, sampler=sampler, features=chosen)
    show_json({"schema": SCHEMA} | metrics) if json else show(metrics)
    if is_of(trained, dataset) and sampler in (
        None,
        trained.sampler,
    ):  # the report shows them beside the run's own samples and data
        try:
            keep_figures(trained, metrics, n)
        except UnwritableError as problem:
            warnings.warn(f"the figures are not kept: {problem}", stacklevel=2)
    if json:
        return
    if (page := trained.folder / "report.html").is_file():
        show(f"what each figure means: the table in {page}")
    if trained.units.codes is not None:
        show(f"figures on samples are of pictures, decoded by the frozen {trained.units.codes}")


def _evaluate_samples(
    samples: str,
    data: str | None,
    n: int | None,
    features: Choice | None,
    json: bool,
    data_options: Mapping[str, Any] | None,
) -> None:
    """`evaluate --samples`."""
    if data is None:
        raise ValueError("data: expected the real data that the samples are measured against: pass --data.")
    from remblai.compare.samples import evaluate_samples

    card = evaluate_samples(samples, data, n=n, features=features, data_options=data_options)
    show_json({"schema": SCHEMA} | card) if json else show(card)


def report(run: str, *, data: str | None = None, recipe: str | None = None, device: str = "auto") -> None:
    """Writes a run's report.html and its pictures.

    Args:
        run: the run's folder.
        data: the data of the run, where they moved, were passed in Python, or are made by a file of your own.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    from remblai.cli.arrays import dataset_of
    from remblai.runs.evaluate import measure, write_report
    from remblai.runs.load import load

    trained = load(run, device=device, recipe=recipe)
    dataset = dataset_of(trained, data)
    if trained.run.measured_step() != trained.step:
        measure(trained, dataset)
    show(write_report(trained, dataset))
