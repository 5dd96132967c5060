"""Two walkers on a grid who must change places without meeting: rewards learned from what they do."""
