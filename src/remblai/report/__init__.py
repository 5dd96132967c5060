"""A report a person enjoys looking at: pictures of images, charts, and one HTML page that holds them and the card."""

from remblai.report.classed import points_by_class
from remblai.report.figures import codes, is_logarithmic, quantiles, terms
from remblai.report.films import save_film
from remblai.report.images import beside, grid, named_rows, paths, save_above, save_grid
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
    "is_logarithmic",
    "kept",
    "least_gaussian_plane",
    "least_like",
    "line",
    "named_rows",
    "paths",
    "points",
    "points_by_class",
    "quantiles",
    "save_above",
    "save_film",
    "save_grid",
    "terms",
    "write_html",
    "write_page",
    "write_pictures",
]
