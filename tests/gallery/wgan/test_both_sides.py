import pytest

from remblai.gallery.wgan.both_sides import REACH, both_sides, w1, witnesses


@pytest.fixture(scope="module")
def found():
    return witnesses(4, 4, 300)


def test_bounds_are_bounds_after_a_few_steps(found):
    assert all(one.sum >= found.value for one in found.above)
    assert max(found.below) <= found.value
    assert [one.step for one in found.above] == [0, 1, 2, 3, 4]
    assert w1(found.x, found.y) == found.value


def test_the_picture_holds_the_data(found):
    assert found.x.abs().max() < REACH
    assert [picture.name for picture in both_sides(1, 1, 300).pictures] == ["both-sides"]
