"""A Boltzmann machine trained by smoothed transport: its gradient on three bits, and what it does to digits."""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from remblai.data import load
from remblai.discrepancies import DISCREPANCIES, Entropic
from remblai.distances import sinkhorn
from remblai.gallery.entry import Check, Entry, Finding, between, equal
from remblai.networks.rbm import RBM, states
from remblai.objectives.boltzmann import Boltzmann, Form, surrogate
from remblai.recipes.base import Recipe
from remblai.recipes.machines import rbm, wasserstein_rbm
from remblai.report import Picture
from remblai.report.style import LIGHT, Theme, chart, png, typeset
from remblai.runs.in_memory import train_objective
from remblai.runtime.rng import seeded

EPSILON = 0.7
STATES = states(3).double()
COSTS = torch.cdist(STATES, STATES, p=0.0)
LAW = torch.tensor([0.25, 0.05, 0.02, 0.13, 0.1, 0.02, 0.05, 0.38], dtype=torch.float64)
FORMS: tuple[Form, Form] = ("kl", "entropy")
NAMES = ("smoothed transport", "W1", "completed half", "completed below", "10 % flipped", "20 % flipped", "log p")
DRAWS = 3
"""Draws of each completed or denoised digit."""
SHOWN = 36
HELD_OUT, PLAIN, OTHER = "held-out digits", "by likelihood", "Wasserstein"

Row = dict[str, float]


def wasserstein_machine(count: int = 2500) -> Entry:
    """Its gradient is a covariance with the dual potential; it gives up likelihood and variety for transport.

    Args:
        count: steps of each machine.
    """
    rows, shown = on_digits(count)
    laws = {"data": LAW, "kl": narrowed(), "entropy": LAW @ torch.softmax(-COSTS / EPSILON, 1)}
    bits = Picture.chart(
        "wasserstein-machine",
        "Two smoothings, two targets",
        "The law on three bits that each smoothed transport likes best, beside the data's: smoothed by KL(P | a x b), "
        "and by the entropy of the plan.",
        "Masses of eight states under three laws",
        draw_laws,
        laws=laws,
    )
    digits = Picture.chart(
        "wasserstein-machine-samples",
        "Before and after transport",
        f"{SHOWN} held-out digits as bits, and as many draws of each machine, not chosen.",
        "Three sheets of small binary digits",
        draw_samples,
        shown=shown,
    )
    return Entry(
        title="A machine that knows which pixels are near each other",
        words="A Boltzmann machine's samples carry no gradient, but the smoothed transport from data has one: minus "
        "the covariance, under the machine, of the dual potential with the free energy's derivative. It is checked on "
        "three bits in both of the smoothings in use; on digits of 64 bits a machine trained by likelihood is trained "
        "on by transport, and the two are compared.",
        checks=(*on_three_bits(laws), *compared(rows)),
        pictures=(bits, dataclasses.replace(digits, wide=True)),
        source="Montavon, Müller and Cuturi, “Wasserstein training of restricted Boltzmann machines” (2016), "
        "arXiv 1507.01972",
        findings=(
            Finding(
                "On three bits the gradient is that of finite differences in both smoothings, which differ.",
                ("kl form", "entropy form", "largest difference of the two"),
            ),
            Finding(
                "On digits the transport brings the samples nearer to held-out digits, completes digits with fewer "
                "wrong bits and cleans them better of flipped bits (by little where 10 % were flipped).",
                NAMES[:6],
            ),
            Finding(
                "It gives held-out digits less likelihood, and its samples vary less.",
                ("log likelihood of a held-out digit", "mean distance of two draws"),
            ),
        ),
    )


def on_three_bits(laws: dict[str, Tensor]) -> list[Check]:
    """The gradients of both forms against differences, and the laws that each form likes best."""
    machine, found, checks = small_machine(), {}, []
    for form in FORMS:
        _, found[form] = transported(machine, form)
        off = float((found[form] - differences(machine, form)).abs().max())
        checks.append(equal(f"{form} form: largest error of the gradient from differences", off, 0.0, 1e-8))
    apart = float((found["kl"] - found["entropy"]).abs().max())
    own, narrow, blurred = (float(torch.special.entr(law).sum()) for law in laws.values())
    return [
        *checks,
        between("largest difference of the two forms' gradients", apart, low=0.01),
        between("entropy of the law that the KL form likes best, less the data's", narrow - own, high=-0.1),
        between("the same of the entropy form", blurred - own, low=0.1),
    ]


def compared(rows: dict[str, Row]) -> list[Check]:
    """The Wasserstein machine against the one trained by likelihood."""
    plain, other, floor = rows[PLAIN], rows[OTHER], rows[HELD_OUT]
    fall = [f"{name}, {plain[name]:.4g} by likelihood" for name in NAMES]
    return [
        *(between(fall[i], other[NAMES[i]], high=plain[NAMES[i]]) for i in range(6)),
        between("W1 of training digits: no machine can be asked for less", floor["W1"], high=other["W1"]),
        between(f"log likelihood of a held-out digit, {plain['log p']:.4g}", other["log p"], high=plain["log p"]),
        between(f"mean distance of two draws, {plain['variety']:.4g}", other["variety"], high=plain["variety"]),
        between(f"noise: bits to the nearest digit, {plain['noise']:.4g}", other["noise"], high=plain["noise"]),
    ]


def small_machine() -> RBM:
    """A machine of three bits and two hidden ones."""
    with seeded(0):
        machine = RBM(3, 2).double()
        for parameter in machine.parameters():
            torch.nn.init.normal_(parameter)
    return machine


def transported(machine: RBM, form: Form) -> tuple[float, Tensor]:
    """The smoothed transport from LAW to the machine's law, from its plan, and its gradient, from its potential."""
    energy = machine.free_energy(STATES)
    p = torch.softmax(-energy.detach(), 0)
    plan = sinkhorn(LAW, p, COSTS, EPSILON, tolerance=1e-13)
    mass, pull = plan.coupling, plan.g if form == "kl" else plan.g + EPSILON * p.log()
    base = LAW[:, None] * p if form == "kl" else torch.ones_like(mass)
    found = torch.autograd.grad(surrogate(pull, energy, p), list(machine.parameters()))
    value = (mass * COSTS).sum() + EPSILON * (mass * (mass / base).log()).sum()
    return float(value), torch.cat([one.flatten() for one in found])


def differences(machine: RBM, form: Form, h: float = 1e-4) -> Tensor:
    """The same gradient by central differences of fourth order."""
    found = []
    for parameter in machine.parameters():
        for place in itertools.product(*map(range, parameter.shape)):
            start, values = parameter.data[place].item(), {}
            for k in (-2, -1, 1, 2):
                parameter.data[place] = start + k * h
                values[k], _ = transported(machine, form)
            parameter.data[place] = start
            found.append((8.0 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12.0 * h))
    return torch.tensor(found, dtype=torch.float64)


def narrowed(rounds: int = 2000) -> Tensor:
    """The law with the least smoothed transport from LAW in the KL form, by Blahut and Arimoto's alternation."""
    p = torch.full_like(LAW, 1.0 / len(LAW))
    for _ in range(rounds):
        p = LAW @ torch.softmax(p.log() - COSTS / EPSILON, 1)
    return p


def on_digits(count: int) -> tuple[dict[str, Row], dict[str, Tensor]]:
    """Both machines trained on digits as bits: their figures and draws, beside those of held-out digits."""
    digits = load("digits")
    held_out, known = ((part[:] > 0.5).float().flatten(1) for part in (digits.test, digits.train))
    rows = {HELD_OUT: figures(known[: len(held_out)], held_out, known, None)}
    shown = {HELD_OUT: held_out[:SHOWN]}
    for name, recipe in ((PLAIN, rbm), (OTHER, wasserstein_rbm)):
        machine = trained(recipe, count, 0)
        with seeded(0):
            y = machine.draw(len(held_out))
            rows[name], shown[name] = figures(y, held_out, known, machine.rbm), y[:SHOWN]
    return rows, shown


def trained(recipe: Recipe, count: int, seed: int, **options: float) -> Boltzmann:
    """A recipe's machine of digits after `count` steps."""
    digits = load("digits")
    loop = dict(recipe.loop) | {"steps": count}
    with seeded(seed):
        machine = recipe(digits.shape, binarise="threshold", **options)
        machine = train_objective(machine, loop, lambda size: digits.train.batches(size, seed))
    assert isinstance(machine, Boltzmann)
    return machine.requires_grad_(False)


def figures(y: Tensor, held_out: Tensor, known: Tensor, machine: RBM | None) -> Row:
    """Figures of the draws y (n, d): transport to held-out bits, and the errors and likelihood of their machine."""
    found = dict(zip(NAMES, transports(held_out, y), strict=False))
    apart, near = torch.cdist(y, y, p=1.0), torch.cdist(y, held_out, p=1.0)
    found |= {"variety": float(apart.sum()) / (len(y) * (len(y) - 1)), "noise": float(near.min(1).values.mean())}
    if machine is None:
        return found
    likelihood = -float(machine.free_energy(held_out).mean()) - machine.annealed_log_partition(known, 128, 1000).value
    return found | dict(zip(NAMES[2:], (*errors(machine, held_out), likelihood), strict=True))


def transports(x: Tensor, y: Tensor) -> list[float]:
    """Bits carried from x (n, d) to y (m, d): smoothed by an epsilon of 2 bits, and exactly."""
    smoothed = Entropic("square", 2.0, relative=False, debiased=False)
    return [float(smoothed(x, y)), float(DISCREPANCIES["exact"]("square")(x, y))]


def errors(machine: RBM, x: Tensor) -> list[float]:
    """Shares of wrong bits in draws of what was hidden or flipped; the holes and flips are the same for every machine.

    Completed from a random half, completed below from the rows above, denoised of 10 % and of 20 % flipped bits.
    """
    chance = torch.Generator().manual_seed(0)
    half = torch.rand(x.shape, generator=chance) < 0.5
    above = (torch.arange(x.shape[1]) < x.shape[1] // 2).expand_as(x)
    noisy = {flip: (x - (torch.rand(x.shape, generator=chance) < flip).float()).abs() for flip in (0.1, 0.2)}
    asked: list[tuple[Callable[[], Tensor], Tensor]] = [
        (lambda: machine.complete(x, half), ~half),
        (lambda: machine.complete(x, above), ~above),
        (lambda: machine.denoise(noisy[0.1], 0.1), torch.ones_like(half)),
        (lambda: machine.denoise(noisy[0.2], 0.2), torch.ones_like(half)),
    ]
    return [statistics.fmean(float((draw() != x)[at].float().mean()) for _ in range(DRAWS)) for draw, at in asked]


def draw_laws(laws: dict[str, Tensor], theme: Theme) -> bytes:
    """Three bars a state, named above the first."""
    with typeset():
        figure, (axes,) = chart(2.7, theme=theme)
        labels = {"data": ("the data's law", theme.data), "kl": ("best in the KL form", theme.model)}
        labels["entropy"] = ("best in the entropy form", theme.classes[2])
        for i, (name, (words, colour)) in enumerate(labels.items()):
            places = torch.arange(len(LAW)) + 0.26 * (i - 1)
            axes.bar(places.tolist(), laws[name].tolist(), 0.24, color=colour)
            axes.text(1.5, 0.54 - 0.055 * i, words, color=theme.written(colour), size=10, weight="bold")
        axes.set(xlabel="state", ylabel="mass", ylim=(0, 0.62))
        axes.set_xticks(range(len(LAW)), ["".join(str(int(bit)) for bit in one) for one in STATES.tolist()])
        axes.set_yticks([0, 0.2, 0.4, 0.6])
        return png(figure)


def draw_samples(shown: dict[str, Tensor], theme: Theme) -> bytes:
    """Sheets of digits side by side, with gaps that are left blank."""
    with typeset():
        figure, panels = chart(3.4, columns=len(shown), theme=theme, width=8.4)
        figure.set_layout_engine("constrained", wspace=0.07)
        for axes, (name, bits) in zip(panels, shown.items(), strict=True):
            side, across = math.isqrt(bits.shape[1]), math.isqrt(len(bits))
            cells = torch.nn.functional.pad(bits.reshape(-1, side, side), (1, 1, 1, 1), value=float("nan"))
            sheet = cells.reshape(across, across, side + 2, side + 2).transpose(1, 2).flatten(2).flatten(0, 1)
            axes.imshow(sheet.numpy(), cmap="Greys" if theme is LIGHT else "Greys_r", interpolation="nearest")
            axes.set_title(name, color=theme.data if name == HELD_OUT else theme.model, size=11, weight="bold")
            axes.set_axis_off()
        return png(figure)
