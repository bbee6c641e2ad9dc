"""The catalogue of systems: what is known of each, from TOML files, and how it is read.

The files that ship lie in glidein/systems/, one per system; a site and a user may lay their own
over them. Differences between systems are data there, never code.
"""

from glidein.catalogue.facts import (
    Container,
    Dialect,
    GpuOption,
    HTCondorSite,
    Login,
    Project,
    Queue,
    Scope,
    Select,
    Shape,
    Share,
    System,
    Variant,
)
from glidein.catalogue.files import Catalogue, Source, load, merge, shipped, user_folder
from glidein.catalogue.targets import find_system, near, parse_target, retirement

__all__ = [
    "Catalogue",
    "Container",
    "Dialect",
    "GpuOption",
    "HTCondorSite",
    "Login",
    "Project",
    "Queue",
    "Scope",
    "Select",
    "Shape",
    "Share",
    "Source",
    "System",
    "Variant",
    "find_system",
    "load",
    "merge",
    "near",
    "parse_target",
    "retirement",
    "shipped",
    "user_folder",
]
