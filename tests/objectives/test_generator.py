"""Generators: the dual side's objective, on the data and on an auto-encoder's codes."""

import pytest
import torch
from torch import Tensor, nn

from remblai import recipes
from remblai.costs import Square
from remblai.critics import Adversarial, Kantorovich, KernelGame
from remblai.discrepancies import MMD, Discrepancy, Sliced
from remblai.kernels import Energy
from remblai.laws import DECODERS, ENCODERS, PRIORS, Decoder
from remblai.networks.dcgan import dcgan
from remblai.networks.mlp import mlp, perceptron
from remblai.objectives import AutoEncoder, CodeGenerator, Generator
from remblai.runs.resolve import resolve
from remblai.training import State, steps


def decoder(shape: tuple[int, ...] = (2,), name: str = "deterministic", latent: int = 3) -> Decoder:
    return DECODERS[name](network=perceptron(shape, width=16, depth=1), latent=latent, range=None)


def generator(discrepancy: Discrepancy, latent: int = 3, shape: tuple[int, ...] = (2,)) -> Generator:
    torch.manual_seed(0)
    return Generator(decoder(shape, latent=latent), PRIORS["normal"](latent), discrepancy)


def test_its_term_is_the_discrepancy_of_the_batch_and_as_many_draws() -> None:
    made, x = generator(MMD(Energy())), torch.randn(7, 2)
    torch.manual_seed(1)
    terms = made(x)
    torch.manual_seed(1)
    y = made.generate(7)
    assert set(terms) == {"discrepancy"}
    torch.testing.assert_close(terms["discrepancy"], MMD(Energy())(x, y))
    assert y.requires_grad
    assert made.adversary_loss(x) is None


def test_a_critic_gets_the_batch_and_draws_without_gradient() -> None:
    made = generator(Adversarial(mlp(2, 1, 8, 1), Kantorovich()))
    x = torch.randn(7, 2)
    loss = made.adversary_loss(x)
    assert loss is not None
    loss.backward()
    assert all(parameter.grad is None for parameter in made.decoder.parameters())
    assert made.sample(4).shape == (4, 2)
    assert not made.sample(4).requires_grad


def test_a_linear_generator_finds_the_laws_mean_and_covariance() -> None:
    """G(z) = A z + b on a Gaussian: the energy distance is least where A A' is the covariance and b the mean."""
    torch.manual_seed(0)
    network = perceptron((2,), depth=0)
    law = torch.distributions.MultivariateNormal(torch.tensor([1.0, -2.0]), torch.tensor([[2.0, 0.8], [0.8, 0.6]]))
    made = Generator(
        DECODERS["deterministic"](network=network, latent=2, range=None), PRIORS["normal"](2), MMD(Energy())
    )

    def batches() -> Tensor:
        while True:
            yield law.sample((500,))

    for _ in steps(State(made, lr=0.02, steps=400, schedule="cosine"), batches()):
        pass
    y = made.sample(20_000)
    torch.testing.assert_close(y.mean(0), law.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(torch.cov(y.T), law.covariance_matrix, atol=0.1, rtol=0)


def test_no_gradient_passes_a_coin() -> None:
    with pytest.raises(ValueError, match="deterministic or gaussian decoder"):
        Generator(
            DECODERS["bernoulli"](network=perceptron((1, 4, 4), width=8), latent=3, range=(0.0, 1.0)),
            PRIORS["normal"](3),
            MMD(Energy()),
        )


def test_a_critic_of_other_points_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match=r"does not accept points \(2,\)"):
        generator(Adversarial(mlp(5, 1, 8, 1), Kantorovich()))


def test_building_leaves_batch_statistics_and_training_mode_alone() -> None:
    made = DECODERS["deterministic"](network=dcgan((1, 8, 8), width=4), latent=3, range=None)
    before = {key: value.clone() for key, value in made.state_dict().items()}
    Generator(made, PRIORS["normal"](3), Sliced(8))
    assert made.training
    assert all(torch.equal(value, made.state_dict()[key]) for key, value in before.items())


def coded(discrepancy: Discrepancy) -> CodeGenerator:
    torch.manual_seed(0)
    network, prior = perceptron((2,), width=16, depth=1), PRIORS["normal"](3)
    auto = AutoEncoder(
        ENCODERS["deterministic"](network=network, prior=prior), decoder((2,)), prior, Square(), noise=0.0
    )
    return CodeGenerator(auto, generator(discrepancy, latent=4, shape=(3,)))


def test_a_generator_of_codes_learns_their_law_and_leaves_the_auto_encoder_to_its_cost() -> None:
    made, x = coded(MMD(Energy())), torch.randn(9, 2)
    terms = made(x)
    assert set(terms) == {"transport", "discrepancy"}
    terms["discrepancy"].backward()
    assert all(parameter.grad is None for parameter in made.auto_encoder.parameters())
    assert all(parameter.grad is not None for parameter in made.generator.parameters())
    codes = made.auto_encoder.encode(x).z
    torch.manual_seed(3)
    expected = MMD(Energy())(codes, made.generator.generate(9))
    torch.manual_seed(3)
    torch.testing.assert_close(made(x)["discrepancy"], expected)


def test_batch_statistics_of_a_coded_auto_encoder_move_once_a_step() -> None:
    made = resolve("gmmn-ae", {"network": "dcgan", "network.width": 4, "code": 3, "latent": 3}).build((1, 16, 16))
    made(torch.rand(5, 1, 16, 16))
    moved = {int(value) for name, value in made.named_buffers() if name.endswith("num_batches_tracked")}
    assert moved == {1}


def test_samples_of_a_code_generator_are_decoded_draws_of_it() -> None:
    made = coded(MMD(Energy()))
    torch.manual_seed(2)
    sample = made.sample(5)
    torch.manual_seed(2)
    torch.testing.assert_close(sample, made.auto_encoder.decoder(made.generator.sample(5)).mean)
    assert made.weights() == {"transport": 1.0, "penalty": 1.0}


def test_a_critic_of_codes_is_trained_on_codes() -> None:
    made = coded(Adversarial(mlp(3, 1, 8, 1), Kantorovich()))
    loss = made.adversary_loss(torch.randn(9, 2))
    assert loss is not None
    loss.backward()
    moved = {name.split(".")[1] for name, value in made.named_parameters() if value.grad is not None}
    assert moved == {"discrepancy"}


def test_a_generator_of_codes_of_another_width_is_refused() -> None:
    fitting = coded(MMD(Energy()))
    with pytest.raises(ValueError, match=r"generator of codes \(3,\).*points \(5,\)"):
        CodeGenerator(fitting.auto_encoder, generator(MMD(Energy()), shape=(5,)))


def test_a_critics_game_is_no_distance_and_is_not_called_one() -> None:
    assert set(generator(Adversarial(mlp(2, 1, 8, 1), Kantorovich()))(torch.randn(4, 2))) == {"game"}


def test_labels_of_an_unbiased_game_are_drawn() -> None:
    biased = Adversarial(nn.Linear(2, 1), Kantorovich())
    unbiased = Adversarial(nn.Linear(2, 3), KernelGame(Energy()))
    assert (biased.draws_labels, unbiased.draws_labels, MMD(Energy(), biased=True).draws_labels) == (False, True, False)


def test_a_held_weight_of_an_auto_encoder_behind_codes_is_held() -> None:
    torch.manual_seed(0)
    auto_encoder = recipes.wae_mmd(shape=(5,), latent=2, weight="auto", network={"name": "mlp", "width": 8})
    both = CodeGenerator(auto_encoder, recipes.minimum_distance(shape=(2,), network={"name": "mlp", "width": 8}))
    state = State(both, batch_size=50, steps=5)
    for _ in steps(state, iter(torch.randn(50, 5) for _ in range(5))):
        pass
    facts = both.held_weight()
    assert facts is not None
    assert facts["null_deviation"] < 0.5
    assert facts["value"] != 1.0
    assert set(both.warm_start(torch.randn(8, 5))) == {"mean", "covariance"}
