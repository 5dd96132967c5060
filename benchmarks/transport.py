"""Distances against the peers: POT, OTT-JAX, GeomLoss, scipy, lapx, and torch as one writes it.

    python benchmarks/transport.py [exact] [line] [sinkhorn] [sliced] [mmd] [semidual] [--pairs 5] [--only WORDS]

Each side runs in a process of its own, on one thread, from the points (a cost matrix is part of the work), after a
small problem that warms it up; compilation is left out. The sides take turns: a pair's ratio compares runs that were
made one after the other, and the table has the median of the pairs with the least and the most. Memory is the growth
of the process's peak over what the small problem had used. Sinkhorn's sides stop where |P 1 - a|_1 + |P' 1 - b|_1,
computed here in float64 from their potentials, is at most 1e-4: a peer gets the loosest of a few stopping values that
reach it. The peers are installed on the first run into an environment of their own under --cache.
"""

import argparse
import json
import os
import resource
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ |= dict.fromkeys(THREADS, "1")
os.environ |= {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu"}

import torch  # noqa: E402  # after the threads are set

from environment import inside  # noqa: E402
from own_transport import ROUTE, judged  # noqa: E402
from peer_transport import CONTENDERS, LADDERS, Contender, Problem  # noqa: E402

PEERS = ["POT==0.9.7.post1", "geomloss==0.3.1", "ott-jax==0.6.0", "lapx==0.11.1"]
SMALL = 64


@dataclass(frozen=True)
class Case:
    """What is asked, and how many times faster than the fastest peer the answer should come."""

    task: str
    asked: dict[str, Any]
    target: float

    def __str__(self) -> str:
        extra = self.asked.get("extra", {})
        words = {key: value for key, value in (self.asked | extra).items() if key != "extra"}
        return f"{self.task}: " + ", ".join(f"{key} {value}" for key, value in words.items())


def cases() -> Iterator[Case]:
    """The table of figures to reach, in its order."""
    for weights, target in (("even", 4.0), ("random", 2.5)):
        yield Case("exact", {"n": 6000, "d": 64, "weights": weights}, target)
    for n in (3000, 6000):
        for weights in ("even", "random"):
            yield Case("exact", {"n": n, "d": 2, "weights": weights}, 1 / 1.15)
    for weights in ("even", "random"):
        for p in (1, 2):
            target = 1.0 if weights == "random" else 4.0 if p == 1 else 2.0
            yield Case("line", {"n": 1_000_000, "d": 1, "weights": weights, "extra": {"p": p}}, target)
    for n, target in ((1000, 1.4), (4000, 2.0)):
        for d in (2, 64):
            for relative in (0.1, 0.01):
                yield Case("sinkhorn", {"n": n, "d": d, "relative": relative}, target)
    for gradient in (False, True):
        yield Case("sliced", {"n": 10_000, "d": 64, "extra": {"directions": 500, "gradient": gradient}}, 20.0)
    yield Case("mmd", {"n": 2000, "d": 64}, 2.0)
    yield Case("semidual", {"n": 300, "d": 2, "relative": 0.05}, 2.0)


class Side:
    """A contender in a process of its own, which answers one line for each line that it is sent."""

    def __init__(self, case: Case, name: str, limit: float) -> None:
        self.name, self.limit, self.seconds, self.told = name, limit, list[float](), dict[str, Any]()
        command = [sys.executable, __file__, "--serve", json.dumps([case.task, name, case.asked])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.failed = self._ask()

    def run(self) -> None:
        """One timed run."""
        if not self.failed:
            self.failed = self._ask()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _ask(self) -> str:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write("run\n")
        stdin.flush()
        if not select.select([stdout], [], [], self.limit)[0]:
            self.stop()
            return f"more than {self.limit:.0f} s"
        line = stdout.readline()
        if not line:
            return _last(self.process.stderr)
        self.told = json.loads(line)
        if "seconds" in self.told:
            self.seconds.append(self.told["seconds"])
        return str(self.told.get("failed", ""))


def _last(stream: IO[str] | None) -> str:
    words = (stream.read() if stream else "").strip().splitlines()
    return words[-1][:100] if words else "it ended without a word"


def serve(task: str, name: str, asked: dict[str, Any]) -> None:
    """The other end of `Side`: warms up, finds the stopping value, then runs once for each line."""
    torch.set_num_threads(1)
    side = CONTENDERS[task][name]
    ladder = LADDERS[side.ladder]
    side.answer(Problem(**(asked | {"n": SMALL})), ladder[0])
    problem, before = Problem(**asked), _peak()
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a peer prints is no answer
    first, stop, told = True, None, {}
    for _ in sys.stdin:
        if first:
            stop, told = _settled(side, problem, ladder)
            told["megabytes"] = told.pop("peak", before) - before
            first = False
        else:
            start = time.perf_counter()
            side.answer(problem, stop)
            told["seconds"] = time.perf_counter() - start
        print(json.dumps(told), file=answers, flush=True)


def _settled(
    side: Contender, problem: Problem, ladder: tuple[float | None, ...]
) -> tuple[float | None, dict[str, Any]]:
    """The loosest stopping value that is good enough, and what the answer is worth."""
    peak = 0.0
    for stop in ladder:
        answer = side.answer(problem, stop)
        peak = peak or _peak()  # before an answer is judged, which has a memory of its own
        if not answer:
            return stop, {"failed": "does not apply"}
        if "g" not in answer:
            return stop, {"value": float(answer["value"]), "peak": peak}
        error, allowed = judged(problem, answer, side.ours)
        if error <= allowed:
            return stop, {"error": error, "peak": peak}
    return None, {"failed": f"error {error:.1e}, not {allowed:.1e}"}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(case: Case, pairs: int, limit: float) -> None:
    """Runs every side of a case in turn and prints them, the fastest peer's ratio beside the target."""
    even = case.asked.get("weights", "even") == "even"
    names = [name for name, side in CONTENDERS[case.task].items() if even or not side.even_only]
    sides = [Side(case, name, limit) for name in names]
    for _ in range(pairs):
        for side in sides:
            side.run()
    for side in sides:
        side.stop()
    ours = [side for side in sides if CONTENDERS[case.task][side.name].ours and side.seconds]
    best = min(ours, key=lambda side: statistics.median(side.seconds), default=None)
    print(f"\n{case}")
    peers: list[tuple[float, str]] = []
    for side in sides:
        if side.failed or not side.seconds or best is None:
            print(f"  {side.name:36s} {side.failed}")
            continue
        ratios = sorted(a / b for a, b in zip(side.seconds, best.seconds, strict=True))
        middle = statistics.median(ratios)
        if side not in ours:
            peers.append((middle, side.name))
        found = f"error {side.told['error']:.1e}" if "error" in side.told else f"value {side.told['value']:.10g}"
        seconds = statistics.median(side.seconds)
        print(
            f"  {side.name:36s} {seconds:9.4f} s  x{middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            f"  {side.told['megabytes']:6.0f} MB  {found}"
        )
    if peers and best:
        ratio, name = min(peers)
        print(f"  => {ratio:.2f} times as fast as {name}, the fastest peer; asked: {case.target:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="task", help="all of them when none is named")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a side is given up")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "remblai" / "peers")
    parser.add_argument("--quick", action="store_true", help="small problems, to see that it runs")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*json.loads(options.serve))
        return
    inside(options.cache, "transport", PEERS, {})
    print(f"torch {torch.__version__}, one thread, {torch.backends.cpu.get_cpu_capability()}", ROUTE)
    for case in cases():
        if (not options.tasks or case.task in options.tasks) and options.only in str(case):
            if options.quick:
                case.asked["n"] = min(case.asked["n"], 200)
            compare(case, 1 if options.quick else options.pairs, options.limit)


if __name__ == "__main__":
    main()
