"""Kantorovich's problem solved exactly, each answer with potentials that prove it."""

from remblai.distances.exact.kantorovich import METHODS, c_transform, emd, improved, solve

__all__ = ["METHODS", "c_transform", "emd", "improved", "solve"]
