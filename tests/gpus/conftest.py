"""Pilots, as the payload's own tests make them."""

from tests.payload.conftest import make_pilot, pilot

__all__ = ["make_pilot", "pilot"]
