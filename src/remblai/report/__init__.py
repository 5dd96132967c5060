"""A report a person enjoys looking at: pictures of images, charts, and one HTML page that holds them and the card."""

from remblai.report.figures import codes, quantiles, terms
from remblai.report.films import save_film
from remblai.report.images import beside, grid, paths, save_above, save_grid
from remblai.report.page import Picture, write_html, write_page, write_pictures
from remblai.report.plane import Plane, least_gaussian_plane, least_like
from remblai.report.plans import line, points
from remblai.report.series import curves, kept

__all__ = [
    "Picture",
    "Plane",
    "beside",
    "codes",
    "curves",
    "grid",
    "kept",
    "least_gaussian_plane",
    "least_like",
    "line",
    "paths",
    "points",
    "quantiles",
    "save_above",
    "save_film",
    "save_grid",
    "terms",
    "write_html",
    "write_page",
    "write_pictures",
]
