"""Shipped recipes: YAML only, found by package resources."""
