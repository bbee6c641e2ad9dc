"""Glidein brings the computers you are entitled to into an HTCondor pool."""

__version__ = "0.1.0"
