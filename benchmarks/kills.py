"""Kills trainings again and again, resumes them, and compares every byte with trainings that were never stopped.

    make kills                                          # 100 kills of each kind of recipe
    python benchmarks/kills.py wgan rbm --kills 10      # of these only

A training is killed (SIGKILL) a random time after it starts, and resumed; one that ended in spite of that begins anew
from a whole folder, until the kills of its kind are done. Compared are the tensors of the last checkpoint and the terms
of every logged step. A run that is under way and the count of its kills are kept in --out: the script goes on where it
was stopped. A line a kind; exit 1 where a byte differs.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from remblai.cli.main import main
from remblai.runs import train as train_module
from remblai.runs.folder import Run

MLP = "--network mlp --network.width 16 --latent 2"
KINDS = {
    "wae-mmd": f"--data digits {MLP} --noise 0.1",
    "wae-gan": f"--data digits {MLP} --penalty.width 16 --penalty.depth 2",
    "avb": f"--data digits {MLP} --penalty.width 16 --penalty.depth 2",
    "wgan": f"--data digits {MLP} --critic.width 16",
    "gmmn": f"--data digits {MLP}",
    "rbm": "--data digits --binarise threshold",
    "wasserstein-rbm": "--data digits --binarise threshold",
}
"""A recipe of each objective: auto-encoders without and with a critic and with a critic of pairs, generators with and
without a critic, machines with and without potentials."""
STEPS = 120
LONGEST = 0.4
"""A kill comes after up to so many times the seconds of a training that is not stopped: most trainings are killed more
than once."""


def bare(words: list[str]) -> None:
    """The command without the figures and the page at its end, which take longer than the training."""
    train_module.measure = lambda *_: None  # type: ignore[assignment]
    train_module.write_report = lambda *_: None  # type: ignore[assignment,return-value]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        main(words)


def start(context: ForkServerContext, kind: str, folder: Path) -> ForkServerProcess:
    """A process that trains into the folder, or goes on there."""
    words = f"train {kind} {KINDS[kind]} --out {folder} --steps {STEPS} --batch-size 20 --checkpoint-every 6 "
    words += "--evaluate-every 40 --quiet --device cpu --threads 1 --resume"
    process = context.Process(target=bare, args=(words.split(),))
    process.start()
    return process


def result(folder: Path) -> dict[str, Any]:
    """The last checkpoint's tensors as bytes, and the terms by their step: what a kill must not change."""
    run = Run.open(folder)
    weights = {path.name: path.read_bytes() for path in (folder / "checkpoints" / "last").glob("*.safetensors")}
    lines = [{key: value for key, value in line.items() if key != "seconds"} for line in run.terms()]
    return {"status": run.settings["status"], "weights": weights} | {
        f"{kind} {line['step']}": line for kind in ("terms", "validation") for line in lines if kind in line
    }


def kills(context: ForkServerContext, kind: str, out: Path, count: int) -> bool:
    """Kills trainings of a kind so often; whether each that ended is equal to the one that was not stopped."""
    whole, folder, notes = out / kind / "whole", out / kind / "killed", out / kind / "kills.json"
    began = time.monotonic()
    process = start(context, kind, whole)
    process.join()
    if process.exitcode:
        raise SystemExit(f"{kind}: the training that is not stopped ended with {process.exitcode}")
    kept = json.loads(notes.read_text()) if notes.exists() else {}
    seconds = kept.get("seconds", time.monotonic() - began)
    done, ended, different = (kept.get(name, 0) for name in ("kills", "ended", "different"))
    chance, expected = random.Random(f"{kind} {done}"), result(whole)
    while True:
        process = start(context, kind, folder)
        process.join(chance.uniform(0.0, LONGEST * seconds) if done < count else None)
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            done += 1
        elif process.exitcode:
            raise SystemExit(f"{kind}: a resumed training ended with {process.exitcode} after {done} kills: {folder}")
        else:
            ended += 1
            different += result(folder) != expected
            shutil.rmtree(folder)
        notes.write_text(json.dumps({"seconds": seconds, "kills": done, "ended": ended, "different": different}))
        if done >= count and not folder.exists():
            print(f"{kind:16s} {done:4d} kills {ended:4d} trainings ended {different:4d} differ", flush=True)
            return not different


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/kills"))
    asked = parser.parse_args()
    if unknown := set(asked.kinds) - KINDS.keys():
        parser.error(f"expected kinds among {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    os.environ["OMP_NUM_THREADS"] = "1"
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["remblai.cli.train", "remblai.runs.train", "torch._dynamo"])
    first = server.Process(target=int)  # the server imports before it forks, which is no time of a training
    first.start()
    first.join()
    equal = [kills(server, kind, asked.out, asked.kills) for kind in asked.kinds]
    sys.exit(not all(equal))
