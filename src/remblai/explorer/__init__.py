"""A local page to walk the code space of a run: model queries, the server that answers them, and the page itself."""
