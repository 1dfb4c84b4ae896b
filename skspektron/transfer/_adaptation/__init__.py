"""Shared code of the methods that change the network."""
