"""Tables of parts and their options: what the command line, Python and a saved run share."""
