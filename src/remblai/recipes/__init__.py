"""Recipes: every named model as a short function over the shared parts, and the one table of them."""

from remblai.recipes.autoencoders import ae, vae, wae_gan, wae_mmd
from remblai.recipes.recipe import Recipe, recipe

RECIPES: dict[str, Recipe] = {one.name: one for one in (wae_mmd, wae_gan, vae, ae)}

__all__ = ["RECIPES", "Recipe", "ae", "recipe", "vae", "wae_gan", "wae_mmd"]
