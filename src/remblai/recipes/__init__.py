"""Recipes: every named model as a short function over the shared parts, and the one table of them."""

from remblai.recipes.autoencoders import aae, ae, cwae, pot, rae, sinkhorn_ae, swae, wae_gan, wae_mmd
from remblai.recipes.recipe import Recipe, recipe
from remblai.recipes.variational import beta_vae, info_vae, mmd_vae, vae

RECIPES: dict[str, Recipe] = {
    one.name: one
    for one in (
        *(wae_mmd, wae_gan, pot, aae, sinkhorn_ae, swae, cwae),
        *(vae, beta_vae, info_vae, mmd_vae),
        *(ae, rae),
    )
}

__all__ = [
    "RECIPES",
    "Recipe",
    "aae",
    "ae",
    "beta_vae",
    "cwae",
    "info_vae",
    "mmd_vae",
    "pot",
    "rae",
    "recipe",
    "sinkhorn_ae",
    "swae",
    "vae",
    "wae_gan",
    "wae_mmd",
]
