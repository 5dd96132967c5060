import torch

from remblai.gallery.wgan.clipping import clipping


def test_a_short_run_draws_its_pictures_and_leaves_the_global_generator():
    before = torch.get_rng_state()
    entry = clipping(atoms=60, steps=4, deep_steps=2)
    assert [picture.name for picture in entry.pictures] == ["clipping", "clipping-depth"]
    assert torch.equal(torch.get_rng_state(), before)
