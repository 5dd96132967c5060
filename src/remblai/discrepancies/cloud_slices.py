"""Transport between projections on lines of points with masses, and of many clouds at once."""

import torch
from torch import Tensor

from remblai.discrepancies.slices import Lines, joined, power_of
from remblai.distances.envelope import with_gradients


def cloud_means(x: Tensor, y: Tensor, a: Tensor | None, b: Tensor | None, lines: Lines, p: float) -> Tensor:
    """The mean of W_p^p over lines of each pair of clouds, a block of lines at a time: (B,); differentiable once.

    Args:
        x: clouds (B, n, d).
        y: clouds (B, m, d).
        a: masses (B, n); None, with b None too, for equal ones.
        b: masses (B, m).
        lines: through the origin, the same for all clouds.
        p: the power.
    """
    if torch.compiler.is_compiling():
        return along_each_cloud(x, y, a, b, lines, slice(0, lines.number), p).mean(1).to(y.dtype)
    sources = [x, y] if a is None or b is None else [x, y, a, b]
    copies = [one.detach().requires_grad_(one.requires_grad and torch.is_grad_enabled()) for one in sources]
    leaves = [copy for copy in copies if copy.requires_grad]
    gradients = [torch.zeros_like(leaf) for leaf in leaves]
    first, second, masses, others = [*copies, None, None][:4]
    assert first is not None  # the types of a list
    assert second is not None
    total = y.new_zeros(len(x), dtype=torch.float64)
    for part in lines.blocks(len(x) * (x.shape[1] + y.shape[1]), y.device):
        values = along_each_cloud(first, second, masses, others, lines, part, p).sum(1)
        total += values.detach()
        if leaves:  # a cloud's value depends on that cloud alone
            for onto, gradient in zip(gradients, torch.autograd.grad(values.sum(), leaves), strict=True):
                onto.add_(gradient)
    total = (total / lines.number).to(y.dtype)
    known = zip([one for one, copy in zip(sources, copies, strict=True) if copy.requires_grad], gradients, strict=True)
    by_cloud = [zip(one.unbind(), gradient.div_(lines.number).unbind(), strict=True) for one, gradient in known]
    if not by_cloud:
        return total
    return torch.stack([with_gradients(total[k], pairs) for k, pairs in enumerate(zip(*by_cloud, strict=True))])


def along_each_cloud(
    x: Tensor, y: Tensor, a: Tensor | None, b: Tensor | None, lines: Lines, part: slice, p: float
) -> Tensor:
    """W_p^p of each pair of clouds on some of the lines, by differentiable steps of torch: (B, l), in float64."""
    (u, order), (v, other) = (lines.of_clouds(one, part).sort(2) for one in (x, y))
    if a is not None and b is not None:
        levels = [_levels(masses, places) for masses, places in ((a, order), (b, other))]
        i, j, carried = _joined(*levels)
        return (power_of(u.gather(2, i) - v.gather(2, j), p).double() * carried).sum(2)
    if u.shape == v.shape:
        return power_of(u - v, p).mean(2).double()
    plan = joined(u.shape[2], v.shape[2], y)
    return (power_of(u[..., plan.i] - v[..., plan.j], p) @ plan.weight).double()


def _levels(masses: Tensor, order: Tensor) -> Tensor:
    """Cumulated masses (B, l, n) in float64, in the order of the points on each line, the last exactly 1."""
    ranked = masses.double()[:, None].expand(order.shape).gather(2, order)
    levels = ranked.cumsum(2)
    return levels / levels[..., -1:]


def _joined(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The monotone coupling of cumulated masses (B, l, n) and (B, l, m): ranks i and j and masses, n + m - 1 each."""
    n = first.shape[2]
    breaks, order = torch.cat([first[..., :-1], second[..., :-1]], 2).sort(dim=2, stable=True)
    start = order.new_zeros((*order.shape[:2], 1))  # of one point on either side there are no breaks
    i = torch.cat([start, (order < n - 1).long().cumsum(2)], 2)
    j = torch.arange(i.shape[2], device=i.device) - i
    zero, one = torch.zeros_like(first[..., :1]), torch.ones_like(first[..., :1])
    return i, j, torch.cat([zero, breaks, one], 2).diff(dim=2)
