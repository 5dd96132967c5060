"""Barycentres: the law whose mean transport cost to given laws is least."""

from remblai.distances.barycentres.entry import barycentre
from remblai.distances.barycentres.laws import Barycentre

__all__ = ["Barycentre", "barycentre"]
