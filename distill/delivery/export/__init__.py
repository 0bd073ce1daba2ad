"""Finished models as files for deployment, each held against its model before it is written."""
