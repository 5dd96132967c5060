"""Boltzmann machines trained by a transport distance."""
