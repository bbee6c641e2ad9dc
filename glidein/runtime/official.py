"""The one official release whose SHA-256 is known here, for machines that have nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """A release tarball: where it is had, what it must be, and who says so."""

    url: str
    sha256: str
    vouched_by: str


# The sum is the one that HTCondor publishes in sha256sum.txt beside the tarball, as it is recorded
# in two revisions of the Spack recipe for HTCondor (package htcondor, `_binary_sha256`, 25.7.2,
# x86_64, AlmaLinux8). AlmaLinux 8 has the oldest C library among the platforms of that release.
RELEASE = Release(
    url="https://htcss-downloads.chtc.wisc.edu/tarball/25.x/25.7.2/release/"
    "condor-25.7.2-x86_64_AlmaLinux8-stripped.tar.gz",
    sha256="c980c168dbd2e8a1b77e9a8ebccfe85e74ccf7dcc4777d711eeb2ed625a9d9cd",
    vouched_by="HTCondor's sha256sum.txt, as recorded in the Spack package htcondor",
)
