"""The table of metrics: what is measured, how it is read, and what it could have seen."""

from remblai.metrics.augment import figure_of_leak, figure_of_near
from remblai.metrics.by_class import figure_of_agreement, shifts_of_agreement
from remblai.metrics.codes import figure_of_latent_mmd, shifts_of_latent_mmd
from remblai.metrics.columns import figure_of_columns, figure_of_range
from remblai.metrics.copies import figure_of_copies
from remblai.metrics.faults import shifts_and_copies
from remblai.metrics.feature_rows import FEATURE_METRICS
from remblai.metrics.images import figure_of_reconstruction, figure_of_sharpness, figure_of_the_data_s_sharpness
from remblai.metrics.metric import NEAREST_EXAMPLE, OVER_IMAGES, Metric, OfTwo
from remblai.metrics.modes import figure_of_modes
from remblai.metrics.samples import (
    figure_of_accuracy,
    figure_of_energy,
    figure_of_memorisation,
    figure_of_w2,
    told_apart,
)
from remblai.metrics.slices import figure_of_patches, figure_of_slices

TRUTH = "draws of the truth"
OF_DIFFERENCE = "standard deviation of the difference from the floor over random halves"

METRICS: dict[str, Metric] = {
    "nearest_neighbour_accuracy": Metric(
        label="Nearest-neighbour accuracy",
        meaning="Accuracy of a classifier two-sample test: how often the nearest neighbour of a sample or a held-out "
        "datum is of its own set. 50 % is a coin toss, the best; less means copies of held-out data. Samples that lie "
        "closer together than data make one set right and the other wrong, which the mean hides: the sets are shown "
        "too.",
        says="The classifier is right {value_percent} of the time; {floor_percent} when both sets are real.",
        compute=figure_of_accuracy,
        better="near the floor",
        statistic=OfTwo(
            told_apart,
            "the accuracy on each set counted from chance, c + |accuracy - c|, mean of both sets: about 0.5 for equal "
            "laws, 1 where they lie apart and where points sit on those of the other set",
            nonnegative=True,
            maximum=1.0,
        ),
    ),
    "energy_distance_squared": Metric(
        label="Squared energy distance",
        meaning="How far the two laws are apart. 0 for equal laws, where chance makes it negative more often than not.",
        says="{value} from the data; real data are {floor} from other real data.",
        compute=figure_of_energy,
    ),
    "w2": Metric(
        label="Wasserstein distance W2",
        meaning="The root of the least mean squared move that carries samples onto held-out data. "
        "Blurred samples and copies score well here: read it with the figures beside it.",
        says="{ratio} times what carrying real data onto other real data takes.",
        compute=figure_of_w2,
        spread=OF_DIFFERENCE,
    ),
    "memorisation_ratio": Metric(
        label="Memorisation ratio",
        meaning="How far samples are from the training data, over the same for held-out data. 1 is right, 0 means "
        "copies.",
        says="Samples are {ratio} times as far from the training data as new real data are.",
        compute=figure_of_memorisation,
        better="near the floor",
        floor="held-out against held-out",
        power=shifts_and_copies,
    ),
    "next_to_training_share": Metric(
        label="Samples next to training data",
        meaning="The share of samples as near to a training datum as about 1 in 20 held-out data are. More are copies, "
        "or samples that vary less than data: copies among samples that lie far off are seen here, where the ratio, of "
        "medians, hides them. Fewer lie off the data.",
        says="{value_percent} of the samples, where {floor_percent} of held-out data are.",
        compute=figure_of_copies,
        better="near the floor",
        floor="held-out data",
        spread="standard error of the difference of shares",
        power=shifts_and_copies,
    ),
    "sharpness": Metric(
        label="Sharpness",
        meaning="Variance of the Laplacian's response on the [0, 1] scale: fine detail. The data's own is the aim; "
        "noise exceeds it. Not comparable with Table 1 of the WAE paper, which does not state its scale: on [-1, 1] "
        "the variance is 4 times as large.",
        says="{ratio} times the detail of the data.",
        compute=figure_of_sharpness,
        better="near the floor",
        needs=("images",),
        floor="held-out data",
        spread=OVER_IMAGES,
    ),
    "sharpness_data": Metric(
        label="Sharpness of the data",
        meaning="The same figure of the held-out data beside that of the training data: the floor of the sharpness.",
        says="{ratio} times the detail of the training data.",
        compute=figure_of_the_data_s_sharpness,
        better="near the floor",
        needs=("images",),
        floor="training data",
        spread=OVER_IMAGES,
        power=None,
        listed=False,
    ),
    "modes_covered": Metric(
        label="Modes covered",
        meaning="How many of the known modes have a sample within 3 standard deviations of their centre.",
        says="{value_count} modes, where as many draws of the truth cover {floor_count}.",
        compute=figure_of_modes("modes_covered"),
        better="higher",
        needs=("modes",),
        floor=TRUTH,
    ),
    "high_quality_share": Metric(
        label="High-quality share",
        meaning="Samples within 3 standard deviations of the nearest mode's centre. More than the truth has are modes "
        "too narrow.",
        says="{value_percent} of the samples, where the truth has {floor_percent}.",
        compute=figure_of_modes("high_quality_share"),
        better="near the floor",
        needs=("modes",),
        floor=TRUTH,
    ),
    "mode_total_variation": Metric(
        label="Modes' histogram, total variation",
        meaning="The share of samples that would have to change their mode to fill all modes evenly.",
        says="{value_percent}, where as many draws of the truth have {floor_percent} by chance.",
        compute=figure_of_modes("mode_total_variation"),
        needs=("modes",),
        floor=TRUTH,
    ),
    "mode_reverse_kl": Metric(
        label="Modes' histogram, reverse KL",
        meaning="The divergence of the modes' histogram from the even one.",
        says="{value}, where as many draws of the truth have {floor} by chance.",
        compute=figure_of_modes("mode_reverse_kl"),
        needs=("modes",),
        floor=TRUTH,
    ),
    "mode_deviation_ratio": Metric(
        label="Modes' width",
        meaning="The standard deviation within the modes over the truth's. 0 means points, above 1 modes too wide.",
        says="{value} times the truth's standard deviation.",
        compute=figure_of_modes("mode_deviation_ratio"),
        better="near the floor",
        needs=("modes",),
        floor=TRUTH,
    ),
    "reconstruction_mse": Metric(
        label="Reconstruction error",
        meaning="Mean squared error a pixel, or a coordinate, on held-out data; images are on the [0, 1] scale.",
        says="{ratio} times the error of answering with the nearest training example, or with their mean where that "
        "is better.",
        compute=figure_of_reconstruction,
        needs=("reconstructions",),
        floor=NEAREST_EXAMPLE,
        spread="standard error of the mean over rows",
        power=None,
    ),
    "latent_mmd_squared": Metric(
        label="Latent MMD, squared",
        meaning="How far codes are from the prior, through 7 inverse multiquadric kernels; unbiased, so it may be "
        "negative.",
        says="{value}, where two samples of the prior have {floor} ± {spread}.",
        compute=figure_of_latent_mmd,
        needs=("codes",),
        floor="prior against prior",
        spread="standard deviation between two samples of the prior",
        power=shifts_of_latent_mmd,
    ),
    **FEATURE_METRICS,
    "sliced_w2_squared": Metric(
        label="Sliced W2, squared",
        meaning="The squared Wasserstein distance W2 of projections onto 64 random directions, averaged. Copies "
        "of training data score well here: read it beside the memorisation ratio.",
        says="{ratio} times that of real data and other real data.",
        compute=figure_of_slices,
        spread=OF_DIFFERENCE,
    ),
    "patch_sliced_w1": Metric(
        label="Sliced W1 of patches",
        meaning="The Wasserstein distance W1 of projections of patches of 7 x 7 pixels, at each level of a Laplacian "
        "pyramid: texture, and no composition. Patches are normalised, so brightness and contrast of the whole set are "
        "not seen. 4,096 patches a set at each level; published figures have more, and are 1,000 times as large.",
        says="{ratio} times that of real data and other real data.",
        compute=figure_of_patches,
        spread=OF_DIFFERENCE,
        needs=("images",),
    ),
    "augmentation_leak": Metric(
        label="Samples that look augmented",
        meaning="Of the samples near to training images, the share that are nearer to an augmented one than to one as "
        "it is. There is no figure where fewer than half as many samples as held-out data are near, or where the share "
        "is above that of augmented held-out data: it cannot be judged. At the floor samples do not show the flips, "
        "shifts or colours of the training; a model that is fed augmented data learns their law, and shows them.",
        says="{value_percent} of the samples, where held-out data have {floor_percent}.",
        compute=figure_of_leak,
        better="near the floor",
        needs=("images", "augmentations"),
        floor="held-out data",
        spread="standard error of the share",
        power=None,
    ),
    "augmentation_near": Metric(
        label="Samples that can be judged for augmentation",
        meaning="The share of samples no further from all training images, as they are or augmented, than 95 % of "
        "held-out data are. Below half of the floor whether samples look augmented cannot be judged: they are far from "
        "the data.",
        says="{value_percent} of the samples, where held-out data have {floor_percent}.",
        compute=figure_of_near,
        better="higher",
        needs=("images", "augmentations"),
        floor="held-out data",
        spread="standard error of the share",
        power=None,
    ),
    "class_agreement": Metric(
        label="Samples of the class that was asked for",
        meaning="The share of samples of each class that are read as that class, averaged over the classes: by a "
        "classifier of these classes where there is one, else by the 5 nearest held-out data. It is blind within a "
        "class: one perfect sample a class has the highest share.",
        says="{value_percent} of the samples, where {floor_percent} of held-out data are read right.",
        compute=figure_of_agreement,
        better="near the floor",
        needs=("labels",),
        floor="held-out data",
        spread="standard error of the difference of mean shares",
        power=shifts_of_agreement,
    ),
    "furthest_column": Metric(
        label="Furthest column",
        meaning="The Wasserstein distance W1 between samples and held-out data in the column of the table where it is "
        "largest, in the data's standard deviations. What ties columns to each other is not seen.",
        says="{value} standard deviations, where the furthest column of real data is {floor} from other real data.",
        compute=figure_of_columns,
        needs=("columns",),
    ),
    "beyond_the_range": Metric(
        label="Rows beyond the data's range",
        meaning="The share of samples with a cell below the least or above the largest value that the training data "
        "have in its column. Fewer than held-out data have are samples that miss the ends.",
        says="{value_percent} of the samples, where {floor_percent} of held-out data are.",
        compute=figure_of_range,
        better="near the floor",
        needs=("columns",),
        floor="held-out data",
        spread="standard error of the difference of shares",
    ),
}
"""Every figure of the card by its name in metrics.json, in the order of the card."""
