"""Recipes: every named model as a short function over the shared parts, and the one table of them.

A recipe called with the shape of one x gives its objective, a plain `torch.nn.Module`:

>>> import torch, remblai
>>> objective = remblai.recipes.wae_mmd(shape=(1, 28, 28), latent=8, weight=10.0)
>>> terms = objective(torch.rand(16, 1, 28, 28))
>>> sorted(terms)
['penalty', 'transport']
>>> objective.sample(3).shape
torch.Size([3, 1, 28, 28])
"""

from remblai.recipes.autoencoders import aae, cwae, pot, sinkhorn_ae, swae, wae_gan, wae_mmd
from remblai.recipes.base import Recipe, recipe
from remblai.recipes.drifts import drifting, flow_matching
from remblai.recipes.feature_gans import cramer_gan, ebgan, mmd_gan, ot_gan
from remblai.recipes.fitted_codes import ae, rae
from remblai.recipes.gans import dcgan, f_gan, gan, lsgan, sn_gan, wgan, wgan_gp
from remblai.recipes.generators import gmmn, gmmn_ae, minimum_distance, sinkhorn_gan
from remblai.recipes.machines import rbm, wasserstein_rbm
from remblai.recipes.variational import avb, beta_vae, info_vae, mmd_vae, vae

RECIPES: dict[str, Recipe] = {
    one.name: one
    for one in (
        *(wae_mmd, wae_gan, pot, aae, sinkhorn_ae, swae, cwae),
        *(vae, beta_vae, info_vae, mmd_vae, avb),
        *(ae, rae),
        *(gan, dcgan, f_gan, lsgan, ebgan),
        *(wgan, wgan_gp, sn_gan, mmd_gan, cramer_gan, ot_gan),
        *(gmmn, gmmn_ae, sinkhorn_gan, minimum_distance),
        *(drifting, flow_matching),
        *(rbm, wasserstein_rbm),
    )
}

__all__ = [
    "RECIPES",
    "Recipe",
    "aae",
    "ae",
    "avb",
    "beta_vae",
    "cramer_gan",
    "cwae",
    "dcgan",
    "drifting",
    "ebgan",
    "f_gan",
    "flow_matching",
    "gan",
    "gmmn",
    "gmmn_ae",
    "info_vae",
    "lsgan",
    "minimum_distance",
    "mmd_gan",
    "mmd_vae",
    "ot_gan",
    "pot",
    "rae",
    "rbm",
    "recipe",
    "sinkhorn_ae",
    "sinkhorn_gan",
    "sn_gan",
    "swae",
    "vae",
    "wae_gan",
    "wae_mmd",
    "wasserstein_rbm",
    "wgan",
    "wgan_gp",
]
