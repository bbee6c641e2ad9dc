"""The host provider: pilots as processes of the machine under the user's hands."""

from glidein.host.provider import HostProvider, providers

__all__ = ["HostProvider", "providers"]
