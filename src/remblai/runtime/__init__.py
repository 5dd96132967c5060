"""Processes, random generators, devices, files and signals: used by every other package."""
