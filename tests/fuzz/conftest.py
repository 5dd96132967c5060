"""How long the fuzz suite looks: a slice of seconds with the other tests, minutes with `make fuzz`."""

import os

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "slice", max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET
)
settings.register_profile(
    "fuzz",
    max_examples=2_000,
    deadline=None,
    database=DirectoryBasedExampleDatabase(".hypothesis/examples"),
    suppress_health_check=QUIET,
)
settings.load_profile(os.environ.get("REMBLAI_FUZZ", "slice"))
