"""The commands that encode data and decode codes, as functions whose signatures and docstrings are their options."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remblai.cli.commands.models import Sampler
from remblai.cli.output import show
from remblai.runtime.files import place
from remblai.runtime.suffixes import ARRAYS, TABLES

SHEET = 64
"""How many data a sheet of reconstructions has where no number is given."""


def encode(
    run: str,
    *,
    data: str,
    out: str,
    class_: str | None = None,
    sampler: Sampler = None,
    seed: int | None = None,
    recipe: str | None = None,
    device: str = "auto",
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Writes the codes of data: codes, labels and index; of the run's own data the split, in a table also file names.

    Other data come in their own order, unless a split of them is picked. A code is the mean of the encoder's law.

    Args:
        run: the run's folder.
        data: a name, a folder or a file, NAME:test picks a split; one image; or - for an image, .npy or CSV on stdin.
        out: the .npz to write, or a .csv, .tsv or .parquet with the columns file, class, label, split, index, code_0
            and so on.
        class_: of a model that was trained with --conditional: the class of all rows, instead of their own.
        sampler: a law of the codes, whose log-density of each code is written too, as log_prob: low for anomalies.
        seed: of a draw of a random encoder's codes, in the place of their means.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    path = place(out, (".npz", *TABLES))
    import numpy as np
    import torch

    from remblai.cli.inputs import read_inputs
    from remblai.cli.tables import check_table, write_table
    from remblai.data.arrays import UNLABELLED
    from remblai.runs.load import load

    check_table(path)
    trained = load(run, device=device, recipe=recipe)
    trained.check_encodes()
    parts = list(read_inputs(trained, data, data_options, in_order=None, class_=class_))
    seeds = [None if seed is None else seed + (number << 32) for number in range(len(parts))]  # splits share no noise
    drawn = [trained.codes_at(part.rows, own, class_) for part, own in zip(parts, seeds, strict=True)]
    codes = torch.cat(drawn).numpy()
    columns: dict[str, Any] = {}
    if sampler is not None:
        known = [torch.from_numpy(part.labels) if trained.conditional else None for part in parts]
        own = [trained.code_log_prob(z, sampler, labels) for z, labels in zip(drawn, known, strict=True)]
        columns["log_prob"] = torch.cat(own).numpy()
    if any(part.labels is not None for part in parts):
        labels = [np.full(len(part.rows), UNLABELLED) if part.labels is None else part.labels for part in parts]
        columns["labels"] = np.concatenate(labels)
    if any(part.split for part in parts):
        columns["split"] = np.concatenate([np.full(len(part.rows), part.split) for part in parts])
    columns["index"] = np.concatenate([part.index for part in parts])
    files = [name for part in parts for name in part.files or ()]
    as_arrays = path.suffix == ".npz"
    write_table(path, {"codes": codes, **columns} if as_arrays else _table(codes, columns, files, parts[0].classes))
    show(out)


def decode(
    run: str,
    *,
    codes: str,
    n: int | None = None,
    out: str,
    class_: str | None = None,
    recipe: str | None = None,
    device: str = "auto",
) -> None:
    """Writes what codes decode to, in their order: those that `encode` wrote, changed or not, or codes of your own.

    Args:
        run: the run's folder.
        codes: a .csv, .tsv or .parquet file with the columns code_0, code_1 and so on, perhaps label or class; an .npz
            with the array codes, perhaps labels; or a .npy of shape (n, k).
        n: only the first n; of a .png the first 64 when not given.
        out: a .png (a sheet), .npz or .npy; of points also a .csv, .tsv or .parquet.
        class_: of a model that was trained with --conditional: the class of all rows, instead of their own.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    path = place(out, (*ARRAYS, *TABLES))
    total = _written(path, n)
    from remblai.cli.arrays import check_kind, labels_column, write
    from remblai.cli.codes import read_codes
    from remblai.cli.tables import check_table
    from remblai.runs.chunks import checked_codes
    from remblai.runs.labels import labels_for
    from remblai.runs.load import load

    check_table(path)
    trained = load(run, device=device, recipe=recipe)
    trained.check_decodes()
    check_kind(path, trained.units)
    latent = trained.objective.prior.latent
    found, labels = read_codes(Path(codes), latent, trained.classes if trained.conditional else [])
    first = slice(total)
    if trained.conditional and class_ is None and labels is None:
        raise ValueError(
            f"codes: expected a class for each row, for the model is conditional, got none in {codes}: pass --class "
            "NAME for all of them, or add the column label or class."
        )
    _say_cut(total if n is None else None, len(found))
    known = labels[first] if class_ is None and labels is not None else class_
    x = trained.decoded(checked_codes(found[first], latent), known)
    classes = labels_column(trained, labels_for(trained.objective, x, known, trained.classes))
    show(write(path, x, trained.units, columns=None, beside=classes))


def reconstruct(
    run: str,
    *,
    data: str | None = None,
    n: int | None = None,
    out: str,
    class_: str | None = None,
    recipe: str | None = None,
    device: str = "auto",
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Writes the reconstructions of data, in the order of its rows where they come from one source.

    Args:
        run: the run's folder.
        data: a name, a folder or a file, NAME:train picks a split; one image; or - for an image, .npy or CSV on stdin.
            The run's own test data when not given.
        n: only the first n; of a .png the first 64 when not given.
        out: a .png (each row of data above its reconstructions), .npz or .npy; of points also a .csv, .tsv or .parquet.
        class_: of a model that was trained with --conditional: the class of all rows, instead of their own.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    path = place(out, (*ARRAYS, *TABLES))
    total = _written(path, n)
    from remblai.cli.arrays import check_kind, dataset_of, first_rows, labels_column, write
    from remblai.cli.inputs import read_inputs
    from remblai.cli.tables import check_table
    from remblai.report import save_above
    from remblai.runs.load import load

    check_table(path)
    trained = load(run, device=device, recipe=recipe)
    check_kind(path, trained.units)
    if data is not None:
        parts = [part.rows for part in read_inputs(trained, data, data_options, in_order=True, class_=class_)]
    else:
        parts = [dataset_of(trained, None, data_options).test]
    rows, labels = first_rows(trained, parts, total, class_)
    _say_cut(total if n is None else None, sum(map(len, parts)))
    again = trained.reconstructions(rows, None, labels)
    if path.suffix == ".png":
        save_above(path, trained.units.display(rows), trained.units.display(again))
        show(path)
    else:
        show(write(path, again, trained.units, columns=None, beside=labels_column(trained, labels)))


def outliers(
    run: str,
    *,
    data: str,
    out: str | None = None,
    class_: str | None = None,
    sampler: Sampler = None,
    level: float = 0.05,
    recipe: str | None = None,
    device: str = "auto",
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Says which rows of data are unlike those that a run was trained on, with p-values from held-out rows.

    A row's score is the log-density of its code plus that of its reconstruction error, each column or pixel in units of
    what is usual for it.

    Args:
        run: the folder of a run with an encoder and a decoder, whose own data are there.
        data: a name, a folder or a file, NAME:test picks a split; one image; or - for an image, .npy or CSV on stdin.
        out: the .csv, .parquet or .npz to write: index, score, p_value, outlier, of a table the column that is most
            off, of images the file.
        class_: of a model that was trained with --conditional: the class of all rows, instead of their own.
        sampler: the law of the codes; when not given the run's own where its density is known, else the prior.
        level: the expected share of false ones among the outliers, at most.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    path = None if out is None else place(out, (".npz", *TABLES))
    import numpy as np

    from remblai.cli.arrays import first_rows
    from remblai.cli.inputs import read_inputs
    from remblai.cli.tables import check_table, write_table
    from remblai.runs.load import load
    from remblai.runs.outliers import of_rows

    if path is not None:
        check_table(path)
    trained = load(run, device=device, recipe=recipe)
    parts = list(read_inputs(trained, data, data_options, in_order=None, class_=class_))
    if any(part.split for part in parts):
        print("data: these are the run's own rows: those it was trained on score better than new ones", file=sys.stderr)
    rows, labels = first_rows(trained, [part.rows for part in parts], None, class_)
    index = np.concatenate([part.index for part in parts])
    order = index.argsort(kind="stable")  # splits are shuffled
    found = of_rows(trained, rows[order], None, sampler, None if labels is None else labels[order], level)
    show("\n".join(found.lines()))
    if path is None:
        return
    files = [name for part in parts for name in part.files or ()]
    columns: dict[str, Any] = {"file": [files[place] for place in order]} if files else {}
    columns |= {"index": index[order], "score": found.scores}
    columns |= {"p_value": found.p_values, "outlier": found.found.astype(int)}
    columns |= {} if found.worst is None else {"column": found.worst}
    write_table(path, columns)
    show(out)


def _written(path: Path, n: int | None) -> int | None:
    """How many rows are written: n, of a sheet those of `SHEET` where it is not given; None is all.

    Raises:
        ValueError: n below 1.
    """
    if n is not None and n < 1:
        raise ValueError(f"n: expected at least 1, got {n}.")
    return SHEET if n is None and path.suffix == ".png" else n


def _say_cut(written: int | None, count: int) -> None:
    """Says on the terminal that a sheet has the first rows only."""
    if written is not None and written < count:
        print(f"the first {written:,} of {count:,} rows; -n takes more", file=sys.stderr)


def _table(codes: Any, columns: Mapping[str, Any], files: list[str], classes: Any) -> dict[str, Any]:
    """The columns of a table: names of files and classes where there are any, and one column a coordinate."""
    labels = columns.get("labels")
    table: dict[str, Any] = {"file": files} if files else {}
    if labels is not None and labels.min() >= 0:
        if classes is not None:
            table["class"] = [classes[label] for label in labels]
        table["label"] = labels
    table |= {name: columns[name] for name in ("split", "index", "log_prob") if name in columns}
    return table | {f"code_{axis}": codes[:, axis] for axis in range(codes.shape[1])}
