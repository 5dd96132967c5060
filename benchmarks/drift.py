"""False alarms and detection rates of `drift`'s test beside KS with Bonferroni, MMD and the energy distance.

    python benchmarks/drift.py           # 1,000 null pairs, 150 of each kind; goes on where it was stopped
    python benchmarks/drift.py --quick          # shows that it runs

Each pair is two tables of 200 rows. Every test is compared at 5 % false alarms: permutation tests by their p-value,
which is exact, KS with Bonferroni by the 5 % quantile of its p-values over null pairs, because its own is below 5 %.
Columns that look like identifiers are left out before, by the rule of `drift`, for all tests alike.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from remblai.discrepancies import MMD, energy_distance
from remblai.kernels import Gaussian
from remblai.populations.battery import decide
from remblai.populations.identifiers import without_identifiers
from remblai.populations.table import Column, Tables
from remblai.statistics import two_sample_test
from remblai.statistics.splits import Splits

N = 200
PERMUTATIONS = 199
LEVEL = 0.05
AT_ONCE = 20
"""Pairs between two lines of the file."""
TESTS = ("drift", "KS", "MMD", "energy")
LEVELS = ("north", "south", "east", "west", "new")
DATES = ("sorted", "day")
Table = dict[str, NDArray[np.float64]]
Kind = Callable[[np.random.Generator, int], Table]


def base(rng: np.random.Generator, n: int, rho: float = 0.6) -> Table:
    """Numbers: two correlated ones, a heavy tail, a skew, one with gaps; two categories."""
    x = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    gapped = rng.normal(size=n)
    gapped[rng.random(n) < 0.05] = np.nan
    return {
        "x": x[:, 0],
        "y": x[:, 1],
        "heavy": rng.standard_t(4, n),
        "skew": rng.lognormal(0, 0.7, n),
        "gapped": gapped,
        "plain": rng.normal(size=n),
        "region": rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1]).astype(float),
        "member": rng.choice(2, n, p=[0.7, 0.3]).astype(float),
    }


def changed(**columns: Callable[[np.random.Generator, Table], NDArray[np.float64]]) -> Kind:
    """The base with some columns replaced."""

    def draw(rng: np.random.Generator, n: int) -> Table:
        table = base(rng, n)
        return table | {name: change(rng, table) for name, change in columns.items()}

    return draw


def cluster(rng: np.random.Generator, n: int) -> Table:
    """Six rows of a hundred come from a tight cluster at the edge of the others."""
    table, here = base(rng, n), rng.random(n) < 0.06
    for name, centre in (("x", 2.0), ("y", -2.0), ("plain", 2.0)):
        table[name] = np.where(here, rng.normal(centre, 0.2, n), table[name])
    return table


def many(shift: float) -> Kind:
    """Thirty columns, one of which moves."""

    def draw(rng: np.random.Generator, n: int) -> Table:
        table = {f"c{place}": rng.normal(size=n) for place in range(30)}
        return table | {"c7": table["c7"] + shift}

    return draw


def numbered(rng: np.random.Generator, n: int) -> Table:
    """The base with what looks like an identifier, and what nearly does.

    Row numbers, hashes and sorted times are to be left out; days in any order and amounts in whole units to stay.
    """
    return base(rng, n) | {
        "row": 1.0 + rng.permutation(n),
        "hash": rng.integers(2**41, 2**50, n).astype(float),
        "sorted": np.sort(rng.uniform(20_000, 20_365, n)),
        "day": rng.integers(20_000, 20_365, n).astype(float),
        "amount": rng.integers(0, 10**7, n).astype(float),
    }


def with_gaps(rng: np.random.Generator, table: Table) -> NDArray[np.float64]:
    return np.where(rng.random(len(table["x"])) < 0.13, np.nan, rng.normal(size=len(table["x"])))


def skewed(rng: np.random.Generator, table: Table) -> NDArray[np.float64]:
    return (rng.gamma(3.0, size=len(table["x"])) - 3.0) / np.sqrt(3.0)


def tailed(rng: np.random.Generator, table: Table) -> NDArray[np.float64]:
    return rng.standard_t(3, len(table["x"])) / np.sqrt(3.0)


def fresh(rng: np.random.Generator, table: Table) -> NDArray[np.float64]:
    return np.where(rng.random(len(table["x"])) < 0.045, 4.0, table["region"])


def reshared(rng: np.random.Generator, table: Table) -> NDArray[np.float64]:
    return rng.choice(4, len(table["x"]), p=[0.31, 0.27, 0.25, 0.17]).astype(float)


KINDS: dict[str, tuple[Kind, Kind]] = {
    "mean": (base, changed(plain=lambda _, t: t["plain"] + 0.3)),
    "scale": (base, changed(plain=lambda _, t: 1.35 * t["plain"])),
    "skew": (base, changed(plain=skewed)),
    "tail": (base, changed(plain=tailed)),
    "correlation": (base, lambda rng, n: base(rng, n, 0.2)),
    "rare cluster": (base, cluster),
    "category shares": (base, changed(region=reshared)),
    "new category": (base, changed(region=fresh)),
    "gaps": (base, changed(gapped=with_gaps)),
    "one of 30 columns": (many(0.0), many(0.4)),
}
NULLS: dict[str, tuple[Kind, float]] = {
    "null": (base, 0.4),
    "null of 30": (many(0.0), 0.3),
    "null with identifiers": (numbered, 0.3),
}
"""Equal populations, and the share of the null pairs that are of each."""


def p_values(a: Table, b: Table, seed: int) -> list[float]:
    """Of each of the tests, for one pair."""
    pooled = {name: np.concatenate([a[name], b[name]]) for name in a}
    both = [
        Column(key, one, LEVELS if key in ("region", "member") else None, key in DATES) for key, one in pooled.items()
    ]
    columns = without_identifiers(Tables(tuple(both), N, N), ()).columns
    first = np.arange(2 * N) < N
    draws = torch.Generator().manual_seed(seed)
    own = decide(columns, Splits(first, PERMUTATIONS, draws), draws).p_value
    x, y = coded(columns)
    squares = torch.pdist(torch.cat([x, y])).square().median()
    mmd = MMD(Gaussian(scale=float(squares) / 2))
    others = [
        two_sample_test(one, x, y, PERMUTATIONS, torch.Generator().manual_seed(seed)).p_value
        for one in (mmd, energy_distance())
    ]
    return [own, min(univariate(column) for column in columns) * len(columns), *others]


def coded(columns: Sequence[Column]) -> tuple[torch.Tensor, torch.Tensor]:
    """Both tables as points: numbers in standard deviations of both together, an indicator a level and for gaps."""
    parts = []
    for column in columns:
        if column.levels is not None:
            parts += [(column.values == level).astype(float) for level in np.unique(column.values)]
        else:
            known = column.values[~column.gaps]
            parts.append(np.where(column.gaps, 0.0, (column.values - known.mean()) / known.std()))
            parts += [column.gaps.astype(float)] if column.gaps.any() else []
    points = torch.from_numpy(np.stack(parts, 1))
    return points[:N], points[N:]


def univariate(column: Column) -> float:
    """KS of numbers, a gap below all values; chi-squared of categories."""
    if column.levels is None:
        values = np.where(column.gaps, -1e9, column.values)
        return float(stats.ks_2samp(values[:N], values[N:]).pvalue)
    counts = np.stack([np.bincount(part.astype(int), minlength=5) for part in np.split(column.values, 2)])
    return float(stats.chi2_contingency(counts[:, counts.sum(0) > 0], correction=False).pvalue)


def measure(path: Path, pairs: dict[str, int]) -> dict[str, NDArray[np.float64]]:
    """The p-values (pairs, tests) of every kind; what the file has is not measured again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[list[float]]] = {name: [] for name in pairs}
    for line in path.read_text().splitlines() if path.exists() else []:
        part = json.loads(line)
        found.setdefault(part["kind"], []).extend(part["p"])
    with path.open("a") as file:
        for name, count in pairs.items():
            before, after = KINDS.get(name) or (NULLS[name][0], NULLS[name][0])
            while len(found[name]) < count:
                start = time.perf_counter()
                some = []
                for number in range(len(found[name]), min(count, len(found[name]) + AT_ONCE)):
                    rng = np.random.default_rng([number, [*NULLS, *KINDS].index(name)])
                    some.append(p_values(before(rng, N), after(rng, N), number))
                found[name] += some
                file.write(json.dumps({"kind": name, "p": some}) + "\n")
                file.flush()
                if len(found[name]) == AT_ONCE:
                    print(f"{name}: {(time.perf_counter() - start) / len(some):.3f} s a pair", flush=True)
    return {name: np.asarray(found[name][:count]) for name, count in pairs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=150, help="of each kind")
    parser.add_argument("--null", type=int, default=1000, help="pairs of equal populations")
    parser.add_argument("--only", nargs="*", help="kinds; none after it: null pairs alone")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/drift.jsonl"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    null, pairs = (8, 4) if options.quick else (options.null, options.pairs)
    nulls = {name: round(share * null) for name, (_, share) in NULLS.items()}
    out = options.out.with_suffix(".quick.jsonl") if options.quick else options.out
    kinds = [name for name in KINDS if options.only is None or name in options.only]
    found = measure(out, nulls | dict.fromkeys(kinds, pairs))
    report(found, kinds)


def report(found: dict[str, NDArray[np.float64]], kinds: list[str]) -> None:
    """Prints the false alarms, the detection rates, and on how many kinds `drift` is at least the best."""
    both = np.concatenate([found[name] for name in NULLS])
    print(f"\nfalse alarms at 5 % over {len(both):,} null pairs of {N} rows, {PERMUTATIONS} permutations:")
    for name, p in [*((name, found[name]) for name in NULLS), ("all", both)]:
        rates = ", ".join(f"{test} {rate:.1%}" for test, rate in zip(TESTS, (p <= LEVEL).mean(0), strict=True))
        print(f"  {name + ':':23s} {rates}")
    if not kinds:
        return
    print(f"\n{'detected':20s}" + "".join(f"{test:>9s}" for test in TESTS))
    best = 0
    for name in kinds:
        null = found["null of 30" if "30" in name else "null"]
        critical = [LEVEL, float(np.quantile(null[:, 1], LEVEL)), LEVEL, LEVEL]
        rates = (found[name] <= critical).mean(0)
        best += bool(rates[0] >= rates[1:].max())
        print(f"{name:20s}" + "".join(f"{rate:9.1%}" for rate in rates))
    error = 50 / np.sqrt(len(found[kinds[0]]))
    print(
        f"\ndrift is at least the best on {best} of {len(kinds)}; standard error of a rate at most {error:.1f} points"
    )


if __name__ == "__main__":
    main()
