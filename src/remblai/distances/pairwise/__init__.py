"""Triton kernels over all pairs of two point sets, a tile at a time: no (n, m) matrix is in memory.

The modules `tiles`, `weighted` and `transforms` import Triton, so they are imported where they are called.
"""
