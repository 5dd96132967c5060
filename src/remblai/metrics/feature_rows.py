"""The rows of the table of metrics that are about features, classes, reconstructions and the axes of codes."""

from remblai.metrics.axes import figure_of_active_axes, figure_of_effective_rank, shifts_of_axes
from remblai.metrics.classes import figure_of_class_histogram, figure_of_classes_covered, figure_of_classifier_score
from remblai.metrics.faults import shifts_and_copies
from remblai.metrics.featured import (
    figure_of_extrapolated_frechet,
    figure_of_fid,
    figure_of_frechet,
    figure_of_gap,
    figure_of_kernel_distance,
    figure_of_kid,
    figure_of_matched_frechet,
    kernel_distance,
)
from remblai.metrics.marginals import figure_of_axis_w1, shifts_of_axis_w1
from remblai.metrics.metric import NEAREST_EXAMPLE, OVER_IMAGES, Metric, OfTwo
from remblai.metrics.neighbourhoods import figure_of_neighbourhoods
from remblai.metrics.restored import figure_of_features, figure_of_psnr, figure_of_ssim

FEATURE_METRICS: dict[str, Metric] = {
    "frechet": Metric(
        label="Frechet distance on features",
        meaning="Squared distance of the Gaussians fitted to the features of data and of samples. It grows as n falls: "
        "compare at one n and on the same features. 0 does not mean equal laws.",
        says="{value} from the data; real data are {floor} from other real data.",
        compute=figure_of_frechet,
        needs=("features",),
    ),
    "frechet_extrapolated": Metric(
        label="Frechet distance, n to infinity",
        meaning="The same without its bias of order 1 / n, from the distances over halves of the samples. Where n is "
        "not well above the number of features, a bias stays.",
        says="{value} from the data; real data are {floor} from other real data.",
        compute=figure_of_extrapolated_frechet,
        needs=("features",),
    ),
    "frechet_matched": Metric(
        label="Frechet distance, pixel values matched",
        meaning="The same once the samples' pixel values follow the law of the data's, by the monotone map of each "
        "channel. What it is below the plain distance is due to contrast and brightness alone: means of what could be "
        "are pale, and a mean squared error makes them.",
        says="{value} from the data; real data are {floor} from other real data.",
        compute=figure_of_matched_frechet,
        needs=("features", "images"),
    ),
    "kernel_distance": Metric(
        label="Kernel distance on features",
        meaning="Squared MMD of the features with a cubic kernel, without bias: 0 for equal laws, where chance makes "
        "it negative half of the time. It compares three moments.",
        says="{value} from the data; real data are {floor} from other real data.",
        compute=figure_of_kernel_distance,
        needs=("features",),
        statistic=OfTwo(
            kernel_distance,
            "squared MMD with the kernel (x . y / d + 1)^3, which sees three moments, without bias: 0 for equal laws, "
            "where chance makes it negative half of the time",
            unbiased=True,
        ),
    ),
    "fid": Metric(
        label="FID",
        meaning="The Frechet distance on the published Inception features, and on no others. Published figures are at "
        "n = 50,000, against training data: compare at one n only.",
        says="{value} from the data; real data are {floor} from other real data.",
        compute=figure_of_fid,
        needs=("inception",),
    ),
    "kid": Metric(
        label="KID",
        meaning="The kernel distance on the published Inception features, and on no others. Published tables often "
        "multiply it by 1,000.",
        says="{value} from the data; real data are {floor} from other real data.",
        compute=figure_of_kid,
        needs=("inception",),
    ),
    "precision": Metric(
        label="Precision",
        meaning="The share of samples in the neighbourhood of some held-out datum: how good they are. More than real "
        "data have means samples in the middle of the law only.",
        says="{value_percent} of the samples, where {floor_percent} of real data are.",
        compute=figure_of_neighbourhoods("precision"),
        better="near the floor",
        needs=("features",),
    ),
    "recall": Metric(
        label="Recall",
        meaning="The share of held-out data in the neighbourhood of some sample: how much of the law is there. Samples "
        "far from everything have large neighbourhoods: read it beside the precision.",
        says="{value_percent} of the held-out data, where real data reach {floor_percent}.",
        compute=figure_of_neighbourhoods("recall"),
        better="near the floor",
        needs=("features",),
    ),
    "density": Metric(
        label="Density",
        meaning="In how many neighbourhoods of held-out data a sample lies, as a share of those it should: 1 for equal "
        "laws, more where samples crowd the middle of the law.",
        says="{value}, where real data have {floor}.",
        compute=figure_of_neighbourhoods("density"),
        better="near the floor",
        needs=("features",),
    ),
    "coverage": Metric(
        label="Coverage",
        meaning="The share of held-out data with a sample in their neighbourhood: a dropped mode lowers it.",
        says="{value_percent} of the held-out data, where real data reach {floor_percent}.",
        compute=figure_of_neighbourhoods("coverage"),
        better="higher",
        needs=("features",),
    ),
    "class_histogram_kl": Metric(
        label="Classes' histogram, KL",
        meaning="The divergence of the samples' classes, as a classifier reads them, from those of held-out data.",
        says="{value}, where real data have {floor} by chance.",
        compute=figure_of_class_histogram,
        needs=("classes",),
    ),
    "classes_covered": Metric(
        label="Classes covered",
        meaning="How many classes the samples show, as a classifier reads them. The floor is what as many draws "
        "with the training data's shares of classes are expected to show.",
        says="{value_count} classes, where as many training data would show {floor_count}.",
        compute=figure_of_classes_covered,
        better="higher",
        needs=("classes",),
        floor="training data, expected",
        spread="standard deviation of that number",
    ),
    "classifier_score": Metric(
        label="Classifier score",
        meaning="1 to the number of classes: high where each sample is clearly of one class and all classes are there. "
        "The data's own is the aim. It is blind within a class.",
        says="{value}, where held-out data have {floor}.",
        compute=figure_of_classifier_score,
        better="near the floor",
        needs=("classes",),
        floor="held-out data",
    ),
    "generalisation_gap": Metric(
        label="Generalisation gap",
        meaning="How much more often a held-out datum is farther from the training data than a sample is, in features. "
        "1 for copies, 0 for new data, below 0 for samples far from all data. All training rows count.",
        says="{value}, where new real data have {floor}.",
        compute=figure_of_gap,
        better="near the floor",
        needs=("features",),
        floor="held-out against held-out, by symmetry",
        power=shifts_and_copies,
    ),
    "reconstruction_psnr": Metric(
        label="Reconstructions, PSNR",
        meaning="Peak signal-to-noise ratio in decibels, averaged over images: 10 dB more is a tenth of the squared "
        "error.",
        says="{value} dB, where answering with the nearest training example, or with their mean, has {floor} dB.",
        compute=figure_of_psnr,
        better="higher",
        needs=("reconstructions", "images"),
        floor=NEAREST_EXAMPLE,
        spread=OVER_IMAGES,
        power=None,
    ),
    "reconstruction_ssim": Metric(
        label="Reconstructions, SSIM",
        meaning="Structural similarity: 1 for equal images, near 0 for unrelated ones. Blur lowers it more than it "
        "raises the squared error.",
        says="{value}, where answering with the nearest of as many training examples has {floor}.",
        compute=figure_of_ssim,
        better="higher",
        needs=("reconstructions", "images"),
        floor="nearest of as many training examples",
        spread=OVER_IMAGES,
        power=None,
    ),
    "reconstruction_features": Metric(
        label="Reconstructions, distance of features",
        meaning="Mean squared distance of the features of an image and of its reconstruction, per feature.",
        says="{ratio} times that of answering with the nearest of up to 5,000 training examples.",
        compute=figure_of_features,
        needs=("reconstructions", "features"),
        floor="nearest of up to 5,000 training examples",
        spread=OVER_IMAGES,
        power=None,
    ),
    "active_axes": Metric(
        label="Active axes of the codes",
        meaning="Axes along which the mean of a code varies with the data, by more than 1 % of the prior's variance. A "
        "model that ignores its codes has few, although its codes look like the prior.",
        says="{value_count} of {floor_count} axes.",
        compute=figure_of_active_axes,
        better="higher",
        needs=("code means",),
        floor="all axes",
        power=shifts_of_axes,
    ),
    "effective_rank": Metric(
        label="Effective rank of the codes",
        meaning="How many directions the codes' means use, as the exponential of their spectrum's entropy.",
        says="{value} directions, where draws of the prior have {floor} ± {spread}.",
        compute=figure_of_effective_rank,
        better="near the floor",
        needs=("code means",),
        floor="draws of the prior",
        spread="standard deviation over samples of the prior",
        power=shifts_of_axes,
    ),
    "axis_w1": Metric(
        label="Axis of the codes furthest from the prior",
        meaning="The Wasserstein distance W1 between codes and the prior on one axis, in the prior's standard "
        "deviations, of the axis where it is largest. Ties between axes are not seen: the latent MMD sees them.",
        says="{value} deviations, where draws of the prior have {floor} ± {spread}.",
        compute=figure_of_axis_w1,
        needs=("codes",),
        floor="draws of the prior",
        spread="standard deviation over samples of the prior",
        power=shifts_of_axis_w1,
    ),
}
"""In the order of the card, after the other figures."""
