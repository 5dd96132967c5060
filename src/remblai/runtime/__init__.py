"""Processes, random generators, devices, files and signals: what every wing stands on."""
