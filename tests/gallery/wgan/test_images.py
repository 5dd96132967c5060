import torch

from remblai.gallery.wgan.images import FOLDER, digits, full_size


def test_digits_are_enlarged_and_training_never_sees_what_is_held_out():
    images = digits(16)
    train, held = images.split("train"), images.split("test")
    assert train.shape[1:] == held.shape[1:] == images.shape == (1, 16, 16)
    assert len(held) == 360
    assert images.split("test", 7).shape == (7, 1, 16, 16)
    assert float(train.min()) >= 0.0
    assert float(train.max()) <= 1.0
    flat = torch.ones(2, 1, 8, 8) * 0.3
    torch.testing.assert_close(images.resized(flat), torch.full((2, 1, 16, 16), 0.3))
    known = {row.numpy().tobytes() for row in train}
    assert all(row.numpy().tobytes() in known for row in next(images.batches(40, 3)))
    assert not known & {row.numpy().tobytes() for row in held}


def test_images_of_the_right_size_are_left_as_they_are():
    x = torch.rand(2, 1, 16, 16)
    assert digits(16).resized(x) is x


def test_without_mnist_the_librarys_own_digits_are_enlarged(monkeypatch, tmp_path):
    monkeypatch.delenv(FOLDER, raising=False)
    assert full_size() is digits(28)
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert full_size() is digits(28)
    assert full_size().split("test", 3).shape == (3, 1, 28, 28)


def test_mnist_is_taken_where_the_environment_names_its_folder(monkeypatch, real_data):
    monkeypatch.setenv(FOLDER, str(real_data))
    images = full_size()
    assert images.name.startswith("MNIST")
    assert len(images.source.train) > 40_000
    assert images.split("test", 5).shape == (5, 1, 28, 28)
