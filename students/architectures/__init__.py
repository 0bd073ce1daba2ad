"""Compact recognisers, one file each, in plain torch."""
