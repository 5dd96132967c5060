"""What the tables of laws promise to the command line."""

import inspect

import pytest
from docstring_parser import parse

from remblai.config.registry import make
from remblai.laws import DECODERS, ENCODERS, PRIORS, Decoder, Encoder, Prior
from remblai.networks import NETWORKS

TABLES = {"prior": (PRIORS, Prior), "encoder": (ENCODERS, Encoder), "decoder": (DECODERS, Decoder)}
ROWS = [(kind, name) for kind, (table, _) in TABLES.items() for name in table]


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_a_row_is_made_from_the_common_context(kind, name):
    shape, latent = (1, 8, 8), 4
    context = {"latent": latent, "prior": PRIORS["normal"](latent), "range": (0, 1), "shape": shape}
    context["network"] = make(NETWORKS, "mlp", **context)
    table, interface = TABLES[kind]
    assert isinstance(make(table, name, kind, **context), interface)


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_every_option_is_documented(kind, name):
    factory = TABLES[kind][0][name]
    told = {p.arg_name for p in parse(inspect.getdoc(factory)).params}
    assert set(inspect.signature(factory).parameters) <= told
