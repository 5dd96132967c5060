"""Clouds (B, n, d) in discrepancies, over the table: they equal the loop over B, with and without masses."""

import pytest
import torch

from remblai.config.registry import make
from remblai.discrepancies import DISCREPANCIES, MMD, Discrepancy, Entropic, Sliced
from remblai.discrepancies import weighted_gram as gram_module
from remblai.kernels import KERNELS, Kernel
from remblai.laws import PRIORS

OPTIONS = {"covariance": {"biased": True}, "entropic": {"tolerance": 1e-10}}


def build(name, **options):
    known = {"prior": PRIORS["normal"](2), "latent": 2}
    exact_options = make(DISCREPANCIES, name, **known).exact_options
    return make(DISCREPANCIES, {"name": name, **exact_options, **OPTIONS.get(name, {}), **options}, **known)


@pytest.fixture
def clouds():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(3, 6, 2, generator=generator).double()
    y = torch.randn(3, 5, 2, generator=generator).double() + torch.tensor([0.0, 1.0, 4.0]).double()[:, None, None]
    a, b = (torch.rand(3, n, generator=generator).double() + 0.2 for n in (6, 5))
    return x, y, a / a.sum(1, keepdim=True), b / b.sum(1, keepdim=True)


def compared(d, inputs):
    """The values and gradients at once and by a loop, with weights that tell the clouds apart."""
    found = []
    for looped in (False, True):
        leaves = [one.clone().requires_grad_() for one in inputs]
        values = torch.stack([d(*one) for one in zip(*leaves, strict=True)]) if looped else d(*leaves)
        total = values @ torch.tensor([1.0, -2.0, 0.5]).to(values)
        found.append((values, *torch.autograd.grad(total, leaves)))
    for both in zip(*found, strict=True):
        # in masses (B, n) up to a constant
        once, loop = (one - one.mean(1, keepdim=True) if one.dim() == 2 else one for one in both)
        torch.testing.assert_close(once, loop, rtol=1e-6, atol=1e-8)
    assert found[0][0].shape == (3,)
    assert len(set(found[0][0].tolist())) == 3


@pytest.mark.parametrize("name", [name for name in DISCREPANCIES if build(name).takes_clouds])
def test_clouds_equal_the_loop_over_them(name, clouds):
    compared(build(name), clouds[:2])
    inputs = clouds if build(name).takes_masses else clouds[:2]
    compared(build(name), inputs)
    torch.testing.assert_close(build(name).estimate(*inputs), build(name)(*inputs))


SHARP = Entropic(epsilon=0.02, debiased=False, tolerance=1e-9)


@pytest.mark.parametrize("d", [Sliced(kind="axes", p=1.5), Sliced(kind="max", directions=8, seed=1), SHARP])
def test_options_of_clouds(d, clouds):
    compared(d, clouds)
    compared(d, (clouds[0][:, :5], clouds[1]))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("biased", [False, True])
def test_every_kernel_takes_clouds(kernel, biased, clouds, monkeypatch):
    d = MMD(make(KERNELS, kernel, prior=PRIORS["normal"](2)), biased)
    assert d.kernel.takes_clouds
    compared(d, clouds[:2])
    monkeypatch.setattr(gram_module, "ENTRIES_AT_ONCE", 40)  # one cloud at a time
    compared(d, clouds)


def test_a_kernel_that_takes_no_clouds_is_called_cloud_by_cloud(clouds):
    class Linear(Kernel):
        radial = False

        def forward(self, x, y):
            assert x.dim() == 2
            return x @ y.T

        def terms(self, x, y):
            return x @ y.T, torch.ones(len(x), len(y)).to(x)

        def diagonal(self, x):
            return x.square().sum(1)

    compared(MMD(Linear()), clouds[:2])


def test_entropic_of_clouds_is_not_that_of_flat_points(clouds):
    x, y, *_ = clouds
    value = Entropic()(x, y)
    assert value.shape == (3,)
    assert not torch.isclose(value.mean(), Entropic()(x[:, :5].flatten(1), y.flatten(1)))


def test_clouds_that_do_not_fit_are_refused(clouds):
    x, y, a, _ = clouds
    for name in DISCREPANCIES:
        d = build(name)
        with pytest.raises(ValueError, match=r"as many clouds on both sides.*\(2, 6, 2\)"):
            d(x[:2], y)
        with pytest.raises(ValueError, match=r"as many clouds on both sides"):
            d(x, y[0])
        with pytest.raises(ValueError, match=r"points of one shape"):
            d(x, y[..., :1])
        with pytest.raises(ValueError, match=r"masses a: expected shape \(3, 6\), a row for each cloud"):
            d(x, y, a[0])
        with pytest.raises(ValueError, match="B, n, d >= 1"):
            d(x, y[:, :0])
    with pytest.raises(ValueError, match=r"call the discrepancy itself, d\(x, y\), on clouds"):
        Sliced().forward(x, x)


def test_points_that_are_matrices_stay_points_where_nothing_is_known_of_clouds(clouds):
    class Means(Discrepancy):
        def forward(self, x, y):
            return (x.mean() - y.mean()).square()

    x, y, *_ = clouds
    assert Means()(x, y[:, :5]).shape == ()
