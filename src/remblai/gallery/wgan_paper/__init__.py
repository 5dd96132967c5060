"""The Wasserstein GAN paper's own experiments, on small digits: what its figures 3 to 7 show."""
