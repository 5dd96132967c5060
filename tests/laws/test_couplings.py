"""The semi-discrete coupling against masses that are known, an exact cell rule and a linear program."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from remblai.distances.stochastic import laguerre
from remblai.laws.couplings import SemiDiscrete


def test_on_the_line_cells_are_the_quantiles() -> None:
    """Four atoms: the cells' borders are the quartiles of the normal law."""
    coupling = SemiDiscrete(torch.tensor([[3.0], [-1.0], [0.5], [10.0]])).solve()
    x = torch.linspace(-4.0, 4.0, 8001)[:, None]
    found = coupling.partners(x)[:, 0]
    assert bool((found.diff() >= 0).all())
    borders = x[1:, 0][found.diff() > 0]
    np.testing.assert_allclose(borders.numpy(), norm.ppf([0.25, 0.5, 0.75]), atol=0.03)


def test_masses_are_equal_and_cells_those_of_the_laguerre_rule() -> None:
    generator = torch.Generator().manual_seed(0)
    coupling = SemiDiscrete(torch.randn(40, 3, generator=generator)).solve()
    x = torch.randn(40_000, 3, generator=generator)
    cells = coupling.cells(x)
    shares = torch.bincount(cells, minlength=40) / len(x)
    assert 0.5 * float((shares - 1 / 40).abs().sum()) < 0.04  # of draws alone: 0.013
    rule = laguerre(x[:2000].double(), coupling.atoms.double(), coupling.potential)
    assert float((cells[:2000] == rule).float().mean()) > 0.999  # float32 against float64 at the borders


def test_its_cost_is_that_of_an_assignment_of_a_sample() -> None:
    generator = torch.Generator().manual_seed(1)
    atoms = torch.randn(20, 2, generator=generator) * torch.tensor([2.0, 0.5])
    coupling = SemiDiscrete(atoms).solve()
    x = torch.randn(600, 2, generator=generator)
    cost = float((coupling.partners(x) - x).square().sum(1).mean())
    costs = torch.cdist(x, atoms.repeat_interleave(30, 0)).square().numpy()
    rows, columns = linear_sum_assignment(costs)
    assert cost == pytest.approx(
        float(costs[rows, columns].mean()), rel=0.08
    )  # the sample's own cells differ from the law's


def test_cells_are_the_same_where_products_are_in_half_precision() -> None:
    torch.manual_seed(0)
    atoms, noise = torch.randn(200, 300), torch.randn(500, 300)
    coupling = SemiDiscrete(atoms)
    plain = coupling.cells(noise)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(coupling.cells(noise), plain)


def test_cells_do_not_depend_on_where_the_atoms_are() -> None:
    torch.manual_seed(0)
    atoms, noise = torch.randn(50, 2), torch.randn(2000, 2)
    own, moved = SemiDiscrete(atoms).solve(), SemiDiscrete(atoms + 1000.0).solve()
    assert (own.cells(noise) != moved.cells(noise)).float().mean() < 0.02
    assert torch.equal(moved.partners(noise), moved.atoms[moved.cells(noise)])


def test_many_atoms_receive_equal_masses() -> None:
    """The first potential alone leaves a ring's masses between 0 and 2.4 times their share, 0.25 off in all."""
    generator = torch.Generator().manual_seed(0)
    angles = torch.randint(0, 8, (1024, 1), generator=generator) * (torch.pi / 4.0)
    atoms = torch.cat([angles.cos(), angles.sin()], 1) + 0.02 * torch.randn(1024, 2, generator=generator)
    coupling = SemiDiscrete(atoms).solve()
    counts = torch.zeros(1024)
    for _ in range(50):
        counts += torch.bincount(coupling.cells(torch.randn(8192, 2, generator=generator)), minlength=1024)
    masses = 1024 * counts / counts.sum()
    assert float((masses - 1.0).abs().mean()) < 0.08  # of counting alone 0.04
    assert float(masses.min()) > 0.4 and float(masses.max()) < 1.7


def test_of_few_atoms_in_a_large_space_masses_are_equal_too() -> None:
    generator = torch.Generator().manual_seed(0)
    coupling = SemiDiscrete(1.0 + torch.rand(20, 300, generator=generator)).solve()
    counts = torch.bincount(coupling.cells(torch.randn(40_000, 300, generator=generator)), minlength=20)
    assert float((counts / 2000.0 - 1.0).abs().mean()) < 0.08  # of counting alone 0.02


def test_a_coupling_that_is_not_solved_says_so() -> None:
    generator = torch.Generator().manual_seed(0)
    with pytest.warns(UserWarning, match="masses of 300 atoms are missed by .* take fewer atoms"):
        SemiDiscrete(torch.randn(300, 2, generator=generator) ** 3).solve(most=2048)
