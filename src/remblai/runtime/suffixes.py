"""How the names of written files end. It imports nothing: the command line checks names before it loads torch."""

ARRAYS = (".png", ".npz", ".npy")
"""Arrays, and the sheet of images that they are drawn on."""
TABLES = (".csv", ".tsv", ".parquet")
FILMS = (".gif", ".mp4")
