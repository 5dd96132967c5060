"""The options of commands that draw samples of a flow: --sampling-steps and --guidance."""

from remblai.runs.model import Trained


def set_flow(trained: Trained, sampling_steps: int | None, guidance: float | None) -> None:
    """Sets how a flow's samples are drawn; None leaves it as the run says.

    Raises:
        ValueError: a model that is no flow, or a number that its flow does not take.
    """
    if sampling_steps is not None:
        trained.take_sampling_steps(sampling_steps)
    if guidance is not None:
        trained.take_guidance(guidance)
