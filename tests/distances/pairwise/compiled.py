"""Compiles the soft transform for a GPU that is not here: `python -m tests.distances.pairwise.compiled 86 D...`.

Prints {d: the registers, and the bytes of the stack, that one thread takes}, as NVIDIA's own tool reads them.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["TRITON_INTERPRET"] = "0"

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from remblai.distances.pairwise import transforms
from remblai.distances.pairwise.points import tile

MANY = 50_000
WIDE = ("scalars", "out", "potential", "left", "constant", "masses", "errors")


def registers(d: int, capability: int) -> tuple[int, int]:
    """Of the transform of many points of d entries in float32."""
    shape = tile(MANY, d, torch.float32, major=capability // 10)
    names = transforms._soft.arg_names
    constants = {
        **{"D": d, "DIRECT": False, "LENGTH": False, "WIDE": False, "UPDATE": True, "PRECISION": "tf32x3"},
        **{"CHUNK": shape.chunk, "BM": shape.rows, "BN": shape.columns, "stride_xd": 1, "stride_yd": 1},
    }
    whole = dict.fromkeys(("n", "m", "stride_xn", "stride_ym"), "i32")
    kinds = {name: "*fp64" if name in WIDE else "*fp32" for name in names}
    kinds |= whole | dict.fromkeys(constants, "constexpr")
    aligned = {(place,): [["tt.divisibility", 16]] for place, name in enumerate(names) if kinds[name].startswith("*")}
    fixed = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(transforms._soft, kinds, constexprs=fixed, attrs=aligned)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=shape.options)
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        said = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", said)
    assert found, said
    return int(found[1]), int(found[2])


if __name__ == "__main__":
    print(json.dumps({d: registers(int(d), int(sys.argv[1])) for d in sys.argv[2:]}))
