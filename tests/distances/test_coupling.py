import pytest
import torch

from remblai.distances import coupling as module
from remblai.distances.coupling import Dense, Lazy, Sparse

MATRIX = torch.tensor([[0.0, 0.2, 0.0], [0.1, 0.0, 0.3], [0.0, 0.0, 0.0], [0.4, 0.0, 0.0]]).double()


@pytest.fixture(params=["dense", "sparse", "lazy"])
def coupling(request):
    rows, columns = MATRIX.nonzero(as_tuple=True)
    shuffled = torch.tensor([2, 0, 3, 1])
    return {
        "dense": Dense(MATRIX),
        "sparse": Sparse(rows[shuffled], columns[shuffled], MATRIX[rows, columns][shuffled], (4, 3)),
        "lazy": Lazy(lambda start, stop: MATRIX[start:stop].float(), (4, 3)),
    }[request.param]


def test_every_form_gives_the_same_masses(coupling, monkeypatch):
    monkeypatch.setattr(module, "ENTRIES", 6)
    torch.testing.assert_close(coupling.dense(), MATRIX)
    torch.testing.assert_close(coupling.block(1, 3), MATRIX[1:3])
    assert [part.stop for part, _ in coupling.blocks()] == [2, 4]
    torch.testing.assert_close(torch.cat([block for _, block in coupling.blocks()]), MATRIX)
    rows, columns, masses = coupling.entries()
    assert rows.tolist() == [0, 1, 1, 3]
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 2), (3, 0)]
    torch.testing.assert_close(masses, MATRIX[rows, columns])
    for found, expected in zip(coupling.marginals(), (MATRIX.sum(1), MATRIX.sum(0)), strict=True):
        torch.testing.assert_close(found, expected)
    assert coupling.dense().dtype == torch.float64


def test_what_is_too_large_is_not_made_dense(monkeypatch):
    monkeypatch.setattr(module, "DENSE", 6)
    with pytest.raises(ValueError, match="4 x 3 entries"):
        Dense(MATRIX).dense()
