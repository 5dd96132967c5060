"""A trained model leaves its folder: as ONNX and `torch.export` files that need no remblai, and to the hub."""
