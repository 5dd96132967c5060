"""The founding texts' examples and figures, one function each over the library's own parts."""

from collections.abc import Callable

from remblai.gallery.continuity import continuity
from remblai.gallery.cost_against_n import cost_against_n
from remblai.gallery.energy_based import energy_based
from remblai.gallery.entry import Check, Entry
from remblai.gallery.envelope import envelope
from remblai.gallery.gluing import gluing
from remblai.gallery.inf_sup import inf_sup
from remblai.gallery.k_lipschitz import k_lipschitz
from remblai.gallery.maximum_likelihood import maximum_likelihood
from remblai.gallery.optimal_discriminator import optimal_discriminator
from remblai.gallery.page import write_gallery
from remblai.gallery.parallel_lines import parallel_lines
from remblai.gallery.separating_sequences import separating_sequences
from remblai.gallery.seven_points import seven_points
from remblai.gallery.sharpening import sharpening
from remblai.gallery.stochastic_curves import stochastic_curves
from remblai.gallery.student_report import student_report

GALLERY: dict[str, Callable[[], Entry]] = {
    "seven-points": seven_points,
    "parallel-lines": parallel_lines,
    "separating-sequences": separating_sequences,
    "continuity": continuity,
    "envelope": envelope,
    "inf-sup": inf_sup,
    "k-lipschitz": k_lipschitz,
    "maximum-likelihood": maximum_likelihood,
    "optimal-discriminator": optimal_discriminator,
    "energy-based": energy_based,
    "gluing": gluing,
    "sharpening": sharpening,
    "stochastic-curves": stochastic_curves,
    "cost-against-n": cost_against_n,
    "student-report": student_report,
}

__all__ = ["GALLERY", "Check", "Entry", "write_gallery"]
