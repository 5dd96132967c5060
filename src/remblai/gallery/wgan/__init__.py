"""The Wasserstein GAN papers: distances that are continuous, critics and their constraints."""
