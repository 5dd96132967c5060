"""Training: one loop for all models over an explicit state."""

from remblai.training.loop import Diverged, Step, check, gradient_norms, steps
from remblai.training.state import State

__all__ = ["Diverged", "State", "Step", "check", "gradient_norms", "steps"]
