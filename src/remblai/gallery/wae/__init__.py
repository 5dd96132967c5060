"""Wasserstein auto-encoders: what the texts show of codes, costs and penalties."""
