"""A report a person enjoys looking at: pictures of images, charts, and one HTML page that holds them and the card."""

from remblai.report.figures import codes, points, quantiles, terms
from remblai.report.films import save_film
from remblai.report.images import beside, grid, paths, save_above, save_grid
from remblai.report.page import Picture, write_html, write_page, write_pictures
from remblai.report.plane import Plane, least_gaussian_plane

__all__ = [
    "Picture",
    "Plane",
    "beside",
    "codes",
    "grid",
    "least_gaussian_plane",
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
