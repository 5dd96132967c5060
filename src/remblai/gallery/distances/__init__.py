"""Distances between laws: duality, regularisation and what computing them costs."""
