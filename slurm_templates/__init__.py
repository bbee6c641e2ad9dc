"""Batch scripts that start pilots: templates and their pure renderer."""
