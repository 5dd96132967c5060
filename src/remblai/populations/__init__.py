"""Two populations side by side: whether they differ, where, by how much, and what these sizes could have seen."""
