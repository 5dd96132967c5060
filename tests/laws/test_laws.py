"""What the tables of laws promise to the command line."""

import inspect

import pytest
import torch
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
    law = make(table, name, kind, **context)
    assert isinstance(law, interface)
    torch.manual_seed(0)
    if isinstance(law, Prior):
        draws, wanted = law.sample(5), (5, latent)
        assert torch.isfinite(law.log_prob(draws)).all()
    else:
        given = torch.rand(5, *shape) if isinstance(law, Encoder) else torch.randn(5, latent)
        draws, wanted = law.eval()(given).sample(), (5, latent) if isinstance(law, Encoder) else (5, *shape)
    assert draws.shape == wanted
    assert torch.isfinite(draws).all()


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_is_what_it_says_of_itself(name):
    context = {"latent": 4, "prior": PRIORS["normal"](4), "shape": (5,)}
    encoder = make(ENCODERS, name, "encoder", network=make(NETWORKS, "mlp", **context), **context).eval()
    law = encoder(torch.randn(6, 5))
    z = law.rsample()
    assert encoder.stochastic == (not torch.equal(z, law.rsample()))
    if encoder.has_density:
        assert torch.isfinite(law.log_prob(z)).all()
    else:
        with pytest.raises(ValueError, match="density"):
            law.log_prob(z)


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_every_option_is_documented(kind, name):
    factory = TABLES[kind][0][name]
    documented = {p.arg_name for p in parse(inspect.getdoc(factory)).params}
    assert set(inspect.signature(factory).parameters) <= documented
