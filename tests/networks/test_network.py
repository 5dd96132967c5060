import pytest

from remblai.networks.network import checked_shape, image_shape, positive


def test_shapes_become_tuples_of_integers():
    assert checked_shape([3, 4, 5]) == (3, 4, 5)
    assert image_shape([3, 4, 5], "dcgan") == (3, 4, 5)


@pytest.mark.parametrize("shape", [(), (0,), (1, -2, 3)])
def test_empty_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="every size >= 1"):
        checked_shape(shape)


@pytest.mark.parametrize("shape", [(5,), (28, 28), (1, 1, 8), (3, 8, 1)])
def test_a_convolution_of_no_image_points_to_the_mlp(shape):
    with pytest.raises(ValueError, match="use the network 'mlp'"):
        image_shape(shape, "dcgan")


def test_positive_names_the_culprit():
    with pytest.raises(ValueError, match="depth >= 1, got 0"):
        positive(width=3, depth=0)
