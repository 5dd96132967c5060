"""One run, from request to disk to model."""
