"""Batch systems near and far: a request carried to a cluster and submitted there."""
