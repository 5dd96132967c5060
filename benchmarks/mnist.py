"""MNIST: auto-encoders, laws fitted to their codes, one-step generators and pythae's models, measured by one figure.

    python benchmarks/mnist.py FOLDER_OF_IDX_FILES [NAME ...] [--seeds 3] [--epochs 10] [--out runs/mnist]
    python benchmarks/mnist.py FOLDER_OF_IDX_FILES --table

NAME is a row or a group of `mnist_rows.py`; without one all groups but `paper`. A row that has been measured is not
trained again, so a call that was stopped goes on where it was; --table prints what there is. Auto-encoders have
convolutions of width 32, 8 latent dimensions, equal epochs, batches of 100 and Adam at 1e-3 with a cosine schedule,
pythae's too, and one choice of settings each. The generators of `one-step` have equal time: the CPU seconds that dcgan
takes for the epochs, by those of some steps of both. `paper` is the paper's network at its full width, for a GPU. Games
of `gans` and `stacked` are in bfloat16, which a CPU without it computes 20 times as slowly: there --precision float32.

The figure is the Frechet distance on the shipped MNIST features between the 10,000 test images and as many samples, its
floor as many training images in place of the samples. Its standard deviation, that of halves of both samples, does not
contain that of training, for which the seeds are. `matched` is the distance once the samples' pixel values follow the
law of the data's (`with_pixel_law`): what it is less is due to contrast. The reconstruction error is a pixel's, on the
[0, 1] scale.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import mnist_peers
import remblai
from environment import inside_pythae
from mnist_rows import ROWS, STEPS_OF_FLOW, SWEEPS, row_of, wanted
from remblai import data
from remblai.discrepancies import Frechet
from remblai.features import make_features
from remblai.laws import FITTED
from remblai.metrics import with_pixel_law
from remblai.metrics.classes import stacked_modes
from remblai.objectives import CodeGenerator
from remblai.runs.resolve import resolve
from remblai.statistics import halves
from remblai.training import State, steps

N = 10_000
OF_STACKED = 26_000
"""Samples of stacked MNIST, as in the papers that count its modes."""
HALVES = 20
LAWS = ("prior", *(name for name in FITTED if name not in ("flow", "two-stage")))
"""What codes are drawn from. The two left out cost minutes a fit."""
STACKED_FLOOR = "stacked-floor.json"
TIMED_STEPS = (10, 40)
"""Between these steps a training is timed."""
OF_CARD = ("latent_mmd_squared", "energy_distance_squared")
"""Figures of the run's own card, of 2,000 test images, that the table has too."""
Figures = dict[str, Any]


class HeldOut:
    """The test images of a data set, their features, and what other images are worth beside them."""

    def __init__(self, dataset: data.Dataset) -> None:
        self.dataset, self.features = dataset, make_features("mnist", dataset)
        self.test = images(dataset.test)
        self.real = self.features.of(self.test).double()
        draws = torch.Generator().manual_seed(0)
        self.first, self.second = halves(len(self.real), HALVES, draws), halves(N, HALVES, draws)
        self.training = images(dataset.train)[torch.randperm(len(dataset.train), generator=draws)[:N]]

    def frechet(self, samples: Tensor) -> Figures:
        """The distance of N samples (n, c, h, w) on the model's scale, its deviation, and it with matched pixels."""
        own, distance = self.features.of(samples).double(), Frechet()
        matched = self.features.of(with_pixel_law(samples, self.training)).double()
        pairs = zip(self.first, self.second, strict=True)
        parts = torch.stack([distance(self.real[one], own[other]) for one, other in pairs])
        values = {"value": distance(self.real, own), "matched": distance(self.real, matched)}
        return {name: float(value) for name, value in values.items()} | {"deviation": float(parts.std() / math.sqrt(2))}

    def floor(self) -> Figures:
        """The same of training images."""
        return {"frechet": {"floor": self.frechet(self.training)}}

    def floor_of_modes(self, dataset: data.Dataset) -> Figures:
        """The modes of as many training images of stacked MNIST as there are samples."""
        return stacked_modes(dataset.train[:OF_STACKED], self.features)

    def of_codes(self, reconstructions: Tensor, laws: Iterator[tuple[str, Tensor]]) -> Figures:
        """The figures of an auto-encoder: its reconstructions of the test images, and samples from each law."""
        frechet = {name: self.frechet(samples) for name, samples in laws}
        error = float((reconstructions - self.test).square().mean())
        return {"mse": error, "frechet": {"reconstructions": self.frechet(reconstructions), **frechet}}

    def of_run(self, run: remblai.Trained, laws: Sequence[str]) -> Figures:
        """The figures of a run of ours, an auto-encoder's by these laws of its codes."""
        if run.encodes and not isinstance(run.objective, CodeGenerator):  # which has a law of codes of its own
            card = run.run.metrics() or {}
            ours = {name: card[name]["value"] for name in OF_CARD if name in card}
            return ours | self.of_codes(run.reconstructions(self.dataset.test), laws_of(run, laws))
        if run.run.settings["recipe"] != "flow-matching":
            return {"frechet": {"samples": self.frechet(run.draws(N))}}
        found = {}
        for count in STEPS_OF_FLOW:
            run.take_sampling_steps(count)
            found[f"{count} steps"] = self.frechet(run.draws(N))
        return {"frechet": found}


def images(split: data.Split) -> Tensor:
    """The images of a split (n, c, h, w), on the model's scale."""
    return torch.cat([torch.as_tensor(split[start : start + 1000]) for start in range(0, len(split), 1000)])


def laws_of(run: remblai.Trained, laws: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Samples of an auto-encoder of ours by the law that their codes are drawn from."""
    for law in laws:
        if law != "prior":
            remblai.fit(run, law)
        yield law, run.draws(N, sampler=law)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="of the games that are in bfloat16")
    parser.add_argument("--out", type=Path, default=Path("runs/mnist"))
    parser.add_argument("--table", action="store_true", help="print what has been measured, and stop")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "remblai" / "peers")
    given = parser.parse_intermixed_args()  # names may follow the options
    names = wanted(given.names)
    if not given.table:
        if any("peer" in row_of(name) for name in names):
            inside_pythae(given.cache)
        measure(names, given)
    print_table(names, given)


def measure(names: list[str], given: argparse.Namespace) -> None:
    """Measures what has not been measured yet, and keeps each row's figures in a file of its own."""
    held_out = HeldOut(data.load(given.data))
    keep(given.out / "floor.json", held_out.floor)
    if any(name in ROWS["stacked"] for name in names):
        keep(given.out / STACKED_FLOOR, lambda: held_out.floor_of_modes(data.load(stacked(given))))
    for seed in range(given.seeds):
        for name in names:
            path = file_of(name, seed, given)
            keep(
                path,
                lambda name=name, seed=seed, path=path: measured(name, seed, held_out, given, path.with_suffix("")),
            )
            print(f"{name} {seed}: {path.read_text()}", flush=True)


def keep(path: Path, compute: Callable[[], Figures]) -> Figures:
    """The figures of a file, computed where it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(compute()))
    return dict(json.loads(path.read_text()))


def file_of(name: str, seed: int, given: argparse.Namespace) -> Path:
    """Where the figures of a row are kept; its run is beside it."""
    return given.out / f"{name.replace(' ', '-')}-of-{given.epochs:g}-epochs-seed-{seed}.json"


def measured(name: str, seed: int, held_out: HeldOut, given: argparse.Namespace, folder: Path) -> Figures:
    """Trains a row and takes its figures; the seconds are of the CPU, nan where an earlier call was killed."""
    settings, began, begun = row_of(name), time.process_time(), folder.exists()

    def seconds() -> float:
        return math.nan if begun else time.process_time() - began

    if peer := settings.get("peer"):
        of_training = images(held_out.dataset.train)
        reconstruct, laws = mnist_peers.trained(peer, of_training, given.epochs, seed, given.threads, folder)
        return {"seconds": seconds(), **held_out.of_codes(reconstruct(held_out.test), laws(N))}
    length = {"epochs": given.epochs}
    if name in ROWS["one-step"]:
        length = {"steps": steps_in_time_of_dcgan(name, held_out.dataset, given)}
    run = train(settings, folder, given, seed, **length)
    if name in ROWS["stacked"]:
        return {"seconds": seconds(), **length, **stacked_modes(run.draws(OF_STACKED), held_out.features)}
    laws = LAWS[:1] if any(name in ROWS[sweep] for sweep in SWEEPS) else LAWS
    return {"seconds": seconds(), **length, **held_out.of_run(run, laws)}


def train(settings: Figures, folder: Path, given: argparse.Namespace, seed: int, **length: float) -> remblai.Trained:
    """Trains or continues a run of ours; of stacked digits where the settings say so."""
    options = {"data": given.data, "evaluate_every": 0, **length, **settings}
    if options["data"] == "stacked-mnist":
        options["data"] = stacked(given)
    if given.precision and "precision" in options:
        options["precision"] = given.precision
    recipe = options.pop("recipe")
    return remblai.train(recipe, out=folder, seed=seed, threads=given.threads, resume=True, quiet=True, **options)


def stacked(given: argparse.Namespace) -> dict[str, str]:
    """What names stacked MNIST, of the digits of the folder."""
    return {"name": "stacked-mnist", "folder": given.data}


def steps_in_time_of_dcgan(name: str, dataset: data.Dataset, given: argparse.Namespace) -> int:
    """How many steps of a row take the time of dcgan's epochs, by the seconds of a few steps of both."""
    dcgan, own = (timed(one, dataset, given) for one in ("dcgan", name))
    return round(given.epochs * len(dataset.train) / dcgan["batch_size"] * dcgan["seconds"] / own["seconds"])


def timed(name: str, dataset: data.Dataset, given: argparse.Namespace) -> Figures:
    """The CPU seconds of a step of a row, and its batch size; other work on the machine adds little."""
    return keep(given.out / "timed" / f"{name}.json", lambda: seconds_a_step(row_of(name), dataset))


def seconds_a_step(settings: Figures, dataset: data.Dataset) -> Figures:
    """Takes some steps as training does; the first ones warm up."""
    resolved = resolve(settings["recipe"], {key: value for key, value in settings.items() if key != "recipe"})
    torch.manual_seed(0)
    objective = resolved.build(dataset.shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = State(objective, **resolved.loop)
    training = steps(state, dataset.train.batches(state.batch_size))
    clock = [time.process_time() for _ in islice(training, TIMED_STEPS[1])]
    first, last = (clock[number - 1] for number in TIMED_STEPS)
    return {"seconds": (last - first) / (TIMED_STEPS[1] - TIMED_STEPS[0]), "batch_size": state.batch_size}


def print_table(names: list[str], given: argparse.Namespace) -> None:
    """Prints the median over the seeds that are there, and where there are several the least and the most."""
    floor = json.loads((given.out / "floor.json").read_text())["frechet"]["floor"]
    print(f"Frechet, n = {N:,}; floor {floor['value']:.2f}, standard deviation {floor['deviation']:.2f}")
    if any(name in ROWS["stacked"] for name in names) and (stacked_floor := given.out / STACKED_FLOOR).exists():
        of_data = json.loads(stacked_floor.read_text())
        print(f"Stacked MNIST, n = {OF_STACKED:,}; floor: modes {of_data['modes']:g}, KL {of_data['kl']:.3f}")
    for name in names:
        paths = [file_of(name, seed, given) for seed in range(given.seeds)]
        found = [json.loads(path.read_text()) for path in paths if path.exists()]
        if not found:
            continue
        print(f"{name} ({len(found)} seeds, {median([row['seconds'] for row in found])} CPU s)")
        for key in ("mse", "modes", "kl", *OF_CARD):
            if key in found[0]:
                print(f"    {key:24s} {median([row[key] for row in found])}")
        for key in found[0].get("frechet", {}):
            deviation = max(row["frechet"][key]["deviation"] for row in found)
            plain, matched = (median([row["frechet"][key][one] for row in found]) for one in ("value", "matched"))
            print(f"    {key:24s} {plain} +- {deviation:.2g}, matched {matched}")


def median(values: list[float]) -> str:
    """The median with the least and the most."""
    text = f"{statistics.median(values):.4g}"
    return text if len(values) == 1 else f"{text} [{min(values):.4g} {max(values):.4g}]"


if __name__ == "__main__":
    main()
