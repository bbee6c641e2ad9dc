"""Runtimes: HTCondor releases that pilots run, got, kept, checked and packed."""

from glidein.runtime.cache import Runtime, checked, copy, find, list_runtimes, remove, verify
from glidein.runtime.getting import get
from glidein.runtime.packing import pack
from glidein.runtime.using import using

__all__ = ["Runtime", "checked", "copy", "find", "get", "list_runtimes", "pack", "remove", "using",
           "verify"]  # fmt: skip
