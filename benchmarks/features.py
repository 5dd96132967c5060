"""Trains the two classifiers whose features are shipped, and prints their accuracy on the test split.

    python benchmarks/features.py digits
    python benchmarks/features.py mnist --data FOLDER_OF_IDX_FILES

Deterministic: the same machine, torch and number of threads (1) give the same tensors, whose sha256 is printed. Written
are src/remblai/features/NAME.safetensors, with accuracy and sha256 in the metadata. Targets: 97 % (digits) and
99.2 % (MNIST). `--epochs` other than the default gives another file; nothing is written with `--check`, which measures
the shipped file in place of training one.
"""

import argparse
from pathlib import Path

import torch

from remblai.data import Dataset, load
from remblai.features.small_classifier import BATCH, accuracy, labelled_batches, train_classifier
from remblai.features.weights import read_classifier, write_classifier

EPOCHS = {"digits": 60, "mnist": 10}
FOLDER = Path(__file__).parents[1] / "src" / "remblai" / "features"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(EPOCHS))
    parser.add_argument("--data", help="the folder of MNIST's idx files; the digits are embedded")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out", type=Path, default=FOLDER)
    given = parser.parse_args()
    torch.set_num_threads(1)
    dataset = load(given.data or given.name)
    path = given.out / f"{given.name}.safetensors"
    if not given.check:
        train(given.name, dataset, given.epochs or EPOCHS[given.name], path)
    model, sha256, facts = read_classifier(path)
    found = accuracy(model, dataset.test[:], dataset.test.labels)
    print(f"{given.name}: accuracy {found:.4f} on {len(dataset.test):,} test images, sha256 {sha256}, {facts}")


def train(name: str, dataset: Dataset, epochs: int, path: Path) -> None:
    images, labels = dataset.train[:], dataset.train.labels
    steps = epochs * (len(labels) // BATCH)
    model = train_classifier(labelled_batches(images, labels), dataset.shape, len(labels.unique()), steps)
    right = accuracy(model, dataset.test[:], dataset.test.labels)
    write_classifier(path, model, {"data": name, "accuracy": right, "rows": len(dataset.test), "epochs": epochs})


if __name__ == "__main__":
    main()
