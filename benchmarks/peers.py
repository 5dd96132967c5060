"""Training speed against pythae's own trainer: same networks, same batches, same loss, in one process.

    python benchmarks/peers.py [--net conv mlp] [--threads 1] [--pairs 11] [--data mnist-folder] [--compile] [--quick]

pythae 0.1.2 goes into an environment of its own under --cache; torch and the rest are those of this environment, so no
second torch is installed. The sides take turns, a block of steps each, and a pair's ratio compares blocks that ran
within seconds of each other. A block of pythae is one call of its trainer's `train_step` (an epoch over the block's
images); checkpoints and the copy of the best model that it makes after each epoch are left out, in its favour.

What is equal: the networks (ours, handed to pythae; `mlp` is pythae's own default, rebuilt here), batches of 100, the
squared error summed over pixels + 10 * the unbiased MMD with seven inverse multiquadric scales against a sample of the
prior, Adam at 1e-3. What differs: pythae gathers float images one by one and waits for the loss at every step; ours are
uint8 until the batch, convolutions are laid out channels-last, Adam is fused, and every term is watched for NaN.
`recipe` rows have the recipe's own defaults instead: its average, schedule, noise and exact terms of the prior.

Targets: conv 1.1 in float32, 2.0 in bfloat16 where the hardware has it (its loss within 2 % of float32's), mlp 1.5.
"""

import argparse
import copy
import io
import logging
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

import torch
from torch import nn

import loop
import pairs
from environment import inside_pythae
from pythae_networks import in_pythae
from remblai.data import Dataset
from remblai.objectives import AutoEncoder, Objective
from remblai.training import State, steps

SAME = {"weight": 10.0, "lr": 1e-3, "betas": (0.9, 0.999), "schedule": "constant", "average": None, "noise": 0.0}
SAMPLED = {"penalty.closed_form": False}


def pythae_side(
    objective: Objective | None,
    images: torch.Tensor,
    threads: int,
    batch: int = loop.BATCH,
    device: torch.device | None = None,
    amp: bool = False,
) -> Callable[[], object]:
    """One epoch of pythae's trainer over these images (n, 1, 28, 28); its own default networks for None."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import WAE_MMD, WAE_MMD_Config
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    logging.disable(logging.INFO)
    config = WAE_MMD_Config(input_dim=tuple(images.shape[1:]), latent_dim=8, reg_weight=10.0)
    torch.manual_seed(0)
    model = WAE_MMD(config, **({} if objective is None else wrapped(objective)))
    settings = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        learning_rate=1e-3,
        no_cuda=device is None or device.type != "cuda",
        amp=amp,
    )
    trainer = BaseTrainer(model, BaseDataset(images, torch.zeros(len(images))), training_config=settings)
    trainer.prepare_training()
    torch.set_num_threads(threads)
    events = {"training_config": settings, "train_loader": trainer.train_loader, "eval_loader": None}
    epochs = iter(range(1, sys.maxsize))

    def epoch() -> None:
        with redirect_stderr(io.StringIO()):  # its progress bar
            number = next(epochs)
            trainer.callback_handler.on_epoch_begin(epoch=number, **events)
            trainer.train_step(number)

    return epoch


def wrapped(objective: Objective) -> dict[str, nn.Module]:
    """Our networks as pythae wants them, in the plain layout that its users have."""
    assert isinstance(objective, AutoEncoder)
    bodies = copy.deepcopy((objective.encoder.body, objective.decoder.body))
    encoder, decoder = (body.to(memory_format=torch.contiguous_format) for body in bodies)
    return in_pythae(encoder, decoder)


def compare(net: str, data: Dataset, n: int, count: int, threads: int, compiled: bool) -> None:
    """Prints the rows of one network."""
    same, own = loop.recipe(net, **SAME, **SAMPLED), loop.recipe(net)
    objective = loop.built(same, data)
    images = data.train[: n * loop.BATCH]
    trained = {
        "remblai float32": loop.looped(copy.deepcopy(objective), same, data),
        "remblai float32, recipe": loop.looped(loop.built(own, data), own, data),
    }
    if has_bfloat16():
        trained["remblai bfloat16"] = loop.looped(copy.deepcopy(objective), same, data, precision="bfloat16")
    if compiled:
        for name in list(trained):
            precision = name.rpartition(" ")[2]
            if precision != "recipe":
                side = loop.looped(copy.deepcopy(objective), same, data, precision=precision, compile=True)
                trained[f"{name}, compiled"] = side
    sides = {"pythae": pythae_side(None if net == "mlp" else objective, images, threads)}
    sides |= {name: loop.block(side, n) for name, side in trained.items()}
    found = pairs.interleaved(sides, count)
    for name in sides:
        line = f"{net:5s} {name:26s}"
        for clock in ("cpu", "wall"):
            each = pairs.median(found, name, clock) / (n * loop.BATCH)
            middle, least, most = pairs.ratio(found, "pythae", name, clock)
            line += f"  {clock} {1 / each:7.0f} images/s x{middle:.2f} [{least:.2f} {most:.2f}]"
        print(line, flush=True)


def losses(net: str, data: Dataset, precision: str, count: int) -> torch.Tensor:
    """The loss of each of the first steps: same weights, batches and prior samples for every precision."""
    resolved = loop.recipe(net, **SAME, **SAMPLED)
    objective = loop.built(resolved, data)
    state = State(objective, **resolved.loop, precision=precision)  # type: ignore[arg-type]
    found = []
    for step in steps(state, map(loop.laid_out, data.train.batches(loop.BATCH))):
        found.append(sum(step.terms.values()))
        if step.number == count:
            break
    return torch.stack(found)  # type: ignore[arg-type]


def curves(net: str, data: Dataset, count: int) -> None:
    """Prints how far bfloat16's loss is from float32's, averaged over tenths of the steps."""
    wide, narrow = (losses(net, data, precision, count) for precision in ("float32", "bfloat16"))
    a, b = (curve.reshape(10, -1).mean(1) for curve in (wide, narrow))
    off = (b / a - 1).tolist()
    print(
        f"{net:5s} loss of bfloat16 against float32 over {count} steps, by tenths: "
        + " ".join(f"{v:+.2%}" for v in off)
    )
    print(f"{net:5s} last tenth: float32 {a[-1]:.3f}, bfloat16 {b[-1]:.3f} ({off[-1]:+.2%})", flush=True)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16 (AVX512-BF16 or AMX)."""
    capable = torch.backends.cpu.get_cpu_capability() != "DEFAULT"
    return capable and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", nargs="+", choices=list(loop.NETS), default=["conv", "mlp"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--curve", type=int, default=300, help="steps of the loss curves, a multiple of 10; 0 for none")
    parser.add_argument("--data", help="a name or folder of 28x28 images; synthetic ones when not given")
    parser.add_argument("--compile", action="store_true", help="compiled rows too (CPUs need a C++ compiler)")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "remblai" / "peers")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs")
    options = parser.parse_args()
    inside_pythae(options.cache)
    print(pairs.machine(options.threads) + f"; bfloat16 in hardware: {'yes' if has_bfloat16() else 'no'}", flush=True)
    data = pairs.dataset(options.data, 2_000 if options.quick else 20_000)
    for net in options.net:
        n, count = (2, 2) if options.quick else (2 * loop.BLOCKS[net], options.pairs)
        compare(net, data, n, count, options.threads, options.compile)
        if options.curve and has_bfloat16() and net != "mlp":
            curves(net, data, 10 if options.quick else options.curve)


if __name__ == "__main__":
    main()
