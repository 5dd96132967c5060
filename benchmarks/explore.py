"""What the queries of the page of `explore` take, over HTTP on this machine, on one thread.

remblai train wae-mmd --data glyphs --out runs/glyphs
python benchmarks/explore.py runs/glyphs
"""

import argparse
import json
import statistics
import time
import urllib.request
from typing import Any

import torch

import remblai


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="the folder of a run")
    parser.add_argument("--queries", type=int, default=100)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with remblai.explore(remblai.load(chosen.run, device="cpu")) as page:
        _measure(page.url, chosen.queries)


def _measure(url: str, queries: int) -> None:
    began = time.perf_counter()
    code = _ask(url, "sample", seed=0)["code"]
    _ask(url, "facts")
    print(f"first code and facts {1000 * (time.perf_counter() - began):.0f} ms")
    asked = {
        "decode": {"code": code},
        "plane": {"code": code, "across": 0, "up": 1, "cells": 9},
        "walk": {"start": code, "end": code[::-1], "steps": 9},
        "neighbours": {"code": code, "k": 6},
    }
    for name, fields in asked.items():
        seconds = []
        for _ in range(queries + 1):
            began = time.perf_counter()
            _ask(url, name, **fields)
            seconds.append(time.perf_counter() - began)
        usual = sorted(1000 * one for one in seconds[1:])
        first, median, worst = 1000 * seconds[0], statistics.median(usual), usual[int(0.95 * len(usual))]
        print(f"{name:10} first {first:7.1f} ms, median {median:6.1f} ms, 95 % {worst:6.1f} ms")


def _ask(url: str, name: str, **fields: Any) -> Any:
    headers = {"content-type": "application/json"}
    query = urllib.request.Request(f"{url}query/{name}", json.dumps(fields).encode(), headers)
    with urllib.request.urlopen(query) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
