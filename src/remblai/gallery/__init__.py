"""The founding texts' examples and figures, one function each over the library's own parts."""

from collections.abc import Callable

from remblai.gallery.distances import (
    cost_against_n,
    drifting,
    envelope,
    gluing,
    inf_sup,
    maximum_likelihood,
    semi_discrete,
    seven_points,
    sharpening,
    stochastic_curves,
)
from remblai.gallery.entry import Check, Entry
from remblai.gallery.machines import wasserstein_machine
from remblai.gallery.page import write_gallery
from remblai.gallery.wae import blur, four_points, latent_plane, one_knob, student_report
from remblai.gallery.walkers import inverse_reinforcement
from remblai.gallery.wgan import (
    both_sides,
    bracket,
    clipping,
    continuity,
    energy_based,
    js_estimate,
    k_lipschitz,
    optimal_discriminator,
    parallel_lines,
    robust_generators,
    separating_sequences,
    tracking,
    vanishing,
)

EXAMPLES: dict[str, Callable[[], Entry]] = {
    "seven-points": seven_points.seven_points,
    "parallel-lines": parallel_lines.parallel_lines,
    "separating-sequences": separating_sequences.separating_sequences,
    "continuity": continuity.continuity,
    "envelope": envelope.envelope,
    "inf-sup": inf_sup.inf_sup,
    "k-lipschitz": k_lipschitz.k_lipschitz,
    "maximum-likelihood": maximum_likelihood.maximum_likelihood,
    "optimal-discriminator": optimal_discriminator.optimal_discriminator,
    "energy-based": energy_based.energy_based,
    "gluing": gluing.gluing,
    "sharpening": sharpening.sharpening,
    "drifting": drifting.drifting,
    "student-report": student_report.student_report,
}
"""Worked examples and figures, of seconds."""

EXPERIMENTS: dict[str, Callable[[], Entry]] = {
    "cost-against-n": cost_against_n.cost_against_n,
    "semi-discrete": semi_discrete.semi_discrete,
    "stochastic-curves": stochastic_curves.stochastic_curves,
    "latent-plane": latent_plane.latent_plane,
    "blur": blur.blur,
    "one-knob": one_knob.one_knob,
    "four-points": four_points.four_points,
    "bracket": bracket.bracket,
    "both-sides": both_sides.both_sides,
    "clipping": clipping.clipping,
    "vanishing": vanishing.vanishing,
    "tracking": tracking.tracking,
    "js-estimate": js_estimate.js_estimate,
    "robust-generators": robust_generators.robust_generators,
    "inverse-reinforcement": inverse_reinforcement.inverse_reinforcement,
    "wasserstein-machine": wasserstein_machine.wasserstein_machine,
}
"""Experiments of minutes, most of which train models."""

GALLERY = EXAMPLES | EXPERIMENTS

__all__ = ["EXAMPLES", "EXPERIMENTS", "GALLERY", "Check", "Entry", "write_gallery"]
