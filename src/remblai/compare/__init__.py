"""Two data sets, or several models, side by side."""
