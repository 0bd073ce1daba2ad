"""Recognisers that others made become teachers: what is found out about them, and the file that is written."""
