"""What the commands on a run do, as functions whose signatures and docstrings are the command line's."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from remblai import data as datasets
from remblai.cli.output import as_json
from remblai.config.registry import Choice, nest
from remblai.data import Dataset, Split, Units
from remblai.laws import FITTED, SAMPLERS
from remblai.report import save_grid
from remblai.runs.data import data_like, file_arrays
from remblai.runs.evaluate import evaluate, measure, write_report
from remblai.runs.fit import fit
from remblai.runs.folder import SCHEMA
from remblai.runs.load import load
from remblai.runs.model import Trained
from remblai.runtime.files import whole

Sampler = Annotated[str | None, SAMPLERS]


def sample_command(
    run: str,
    *,
    n: int = 64,
    sampler: Sampler = None,
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
        seed: of the draw.
        out: a .png (a sheet of images), .npz or .npy; the run's samples.png or samples.npz when not given.
        recipe: path/to/file.py:function of a run that was made by a recipe of one's own.
        device: auto, cpu, cuda or cuda:0.
    """
    trained = load(run, device=device, recipe=recipe)
    path = Path(out) if out else trained.folder / ("samples.png" if trained.units.range else "samples.npz")
    print(_write(path, trained.draws(n, seed, sampler), trained.units, columns=None))


def fit_command(
    run: str,
    *,
    sampler: Annotated[Choice | None, FITTED] = None,
    recipe: str | None = None,
    device: str = "auto",
    options: Mapping[str, Any] | None = None,
) -> None:
    """Fits a law to the codes of a run's training data and keeps it with the run: samples can be decoded from it.

    Args:
        run: the run's folder.
        sampler: the kind of law, --sampler NAME --help shows the options of one; the recipe's own when not given.
        recipe: path/to/file.py:function of a run that was made by a recipe of one's own.
        device: auto, cpu, cuda or cuda:0.
        options: of the law.
    """
    trained = load(run, device=device, recipe=recipe)
    chosen = nest({"sampler": sampler} | dict(options or {}))["sampler"]
    fit(trained, chosen, _fitting(trained, None))
    name = sampler or trained.sampler
    print(f"{run}: the law {name} is fitted; remblai sample {run} --sampler {name} draws from it")


def encode_command(run: str, *, data: str, out: str, recipe: str | None = None, device: str = "auto") -> None:
    """Writes the codes of data: codes, labels (-1 where there are none), split and index.

    Args:
        run: the run's folder.
        data: a name, a folder or a file; NAME:test picks a split.
        out: the .npz to write.
        recipe: path/to/file.py:function of a run that was made by a recipe of one's own.
        device: auto, cpu, cuda or cuda:0.
    """
    if Path(out).suffix != ".npz":
        raise ValueError(f"out: expected a name that ends in .npz, got {out!r}.")
    trained = load(run, device=device, recipe=recipe)
    parts = list(_splits(trained, data))
    labels = [np.full(len(part), -1) if part.labels is None else part.labels.numpy() for part in parts]
    with whole(Path(out)) as temporary:
        np.savez(
            temporary,
            codes=np.concatenate([trained.codes(part).numpy() for part in parts]),
            labels=np.concatenate(labels),
            split=np.concatenate([np.full(len(part), part.name) for part in parts]),
            index=np.concatenate([part.index.numpy() for part in parts]),
        )
    print(out)


def reconstruct_command(
    run: str,
    *,
    data: str | None = None,
    n: int | None = None,
    out: str,
    recipe: str | None = None,
    device: str = "auto",
) -> None:
    """Writes the reconstructions of data.

    Args:
        run: the run's folder.
        data: a name, a folder or a file, NAME:train picks a split; the run's own test data when not given.
        n: only the first n.
        out: a .png (each row of data above its reconstructions), .npz or .npy.
        recipe: path/to/file.py:function of a run that was made by a recipe of one's own.
        device: auto, cpu, cuda or cuda:0.
    """
    trained = load(run, device=device, recipe=recipe)
    if n is not None and n < 1:
        raise ValueError(f"n: expected at least 1, got {n}.")
    columns = 16
    parts = list(_splits(trained, data)) if data else [_fitting(trained, None).test]
    total = 4 * columns if n is None and Path(out).suffix == ".png" else n
    rows = torch.cat([part[: total if total is not None else len(part)] for part in parts])[:total]
    again = trained.reconstructions(rows)
    if Path(out).suffix == ".png":
        pairs = zip(torch.split(rows, columns), torch.split(again, columns), strict=True)
        again = torch.cat([row for pair in pairs for row in pair])
    print(_write(Path(out), again, trained.units, columns))


def interpolate_command(
    run: str,
    *,
    data: str | None = None,
    n: int = 8,
    steps: int = 9,
    out: str,
    recipe: str | None = None,
    device: str = "auto",
) -> None:
    """Writes walks between data through the codes, one pair a row; between draws where there is no encoder.

    Args:
        run: the run's folder.
        data: where the ends come from; the run's own test data when not given.
        n: how many walks.
        steps: images in each, both ends included.
        out: a .png, .npz or .npy.
        recipe: path/to/file.py:function of a run that was made by a recipe of one's own.
        device: auto, cpu, cuda or cuda:0.
    """
    trained = load(run, device=device, recipe=recipe)
    if n < 1:
        raise ValueError(f"n: expected at least 1 walk, got {n}.")
    if trained.encodes or data:
        part = next(_splits(trained, data)) if data else _fitting(trained, None).test
        if n > len(part) // 2:
            raise ValueError(f"n: expected at most {len(part) // 2} walks between {len(part)} data, got {n}.")
        ends = trained.codes(part[: 2 * n])
    else:
        ends = trained.prior_sample(2 * n)
    walks = trained.walks(ends[:n], ends[n:], steps)
    print(_write(Path(out), walks.flatten(0, 1), trained.units, steps))


def evaluate_command(
    run: str,
    *,
    data: str | None = None,
    n: int | None = None,
    sampler: Sampler = None,
    json: bool = False,
    recipe: str | None = None,
    device: str = "auto",
) -> None:
    """Measures a trained model against held-out data, each figure beside its floor.

    Args:
        run: the run's folder.
        data: a name, a folder or a file; the run's own when not given.
        n: how many samples and held-out data; as many as there are, at most 2,000, when not given.
        sampler: the law of the codes that samples are decoded from; `fit` makes all but the prior. The figures of the
            recipe's own, taken when not given, are kept with the run.
        json: print JSON and nothing else.
        recipe: path/to/file.py:function of a run that was made by a recipe of one's own.
        device: auto, cpu, cuda or cuda:0.
    """
    trained = load(run, device=device, recipe=recipe)
    dataset = _fitting(trained, data)
    metrics = evaluate(trained, dataset, n, sampler=sampler)
    if sampler in (None, trained.sampler):  # the report shows them beside samples of the run's own law
        trained.run.write_metrics(metrics)
    print(as_json({"schema": SCHEMA} | metrics) if json else _table(metrics))


def report_command(run: str, *, recipe: str | None = None, device: str = "auto") -> None:
    """Writes a run's report.html and its pictures.

    Args:
        run: the run's folder.
        recipe: path/to/file.py:function of a run that was made by a recipe of one's own.
        device: auto, cpu, cuda or cuda:0.
    """
    trained = load(run, device=device, recipe=recipe)
    dataset = _fitting(trained, None)
    if trained.run.metrics() is None:
        measure(trained, dataset)
    print(write_report(trained, dataset))


def _fitting(trained: Trained, data: str | None) -> Dataset:
    """The data set that is asked for, or the run's own, as the model sees it."""
    return data_like(trained.run.settings, trained.units, data)


def _splits(trained: Trained, data: str) -> Iterator[Split]:
    """The split that is asked for, or all of them."""
    name, split = datasets.pick(data)
    dataset = _fitting(trained, name)
    for one in [split] if split else datasets.SPLITS:
        yield dataset.split(one)


def _write(path: Path, x: Tensor, units: Units, columns: int | None) -> Path:
    """A sheet of images, or arrays under the names that `--data` reads again."""
    if path.suffix == ".png":
        if units.range is None:
            raise ValueError(
                f"out: points cannot be drawn as a sheet of images; write {path.with_suffix('.npz')} instead."
            )
        save_grid(path, units.display(x), columns)
    elif path.suffix in (".npz", ".npy"):
        named: dict[str, Any] = file_arrays(x, units)
        with whole(path) as temporary:
            np.savez(temporary, **named) if path.suffix == ".npz" else np.save(temporary, next(iter(named.values())))
    else:
        raise ValueError(f"out: expected a name that ends in .png, .npz or .npy, got {str(path)!r}.")
    return path


def _table(metrics: Mapping[str, Any]) -> str:
    rows = [f"{'':28s}{'value':>10s}{'floor':>10s}{'spread':>10s}{'n':>7s}"]
    for name, figure in metrics.items():
        numbers = "".join(f"{figure[key]:10.4g}" for key in ("value", "floor", "spread"))
        rows.append(f"{name:28s}{numbers}{figure['n']:7d}")
    return "\n".join(rows)
