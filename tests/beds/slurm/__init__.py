"""A cluster to try things on: real Slurm, real HTCondor, hosts apart, all on this machine.

Hosts, each with processes, files, name and network of its own:

    world  cm (collector, negotiator), ap (schedd)
    both   login (sshd), gw (firewall and NAT)
    site   head (slurmctld, slurmdbd, MariaDB), c0 to c9 (slurmd)

Compute nodes reach out through gw and nobody reaches in; start() proves it. Users alice and bob
have homes on the site, shared by login, head and compute nodes, and others on cm and ap. /scratch
is shared by all hosts, /tmp is a host's own, /small is a host's own 48 MiB to fill up. The bed's
folder has the same path in and out: logs/ tells what happened (GLIDEIN_BED_LOGS names a folder
that keeps the logs), runtime/ is an HTCondor that pilots can use, key is the users' SSH key.
`glidein`, from this checkout, is a command on every host.

    with SlurmBed("delta") as bed:                     # any name of sites.names()
        number = bed.submit("alice", "-N2", "--wrap", "srun hostname")
        bed.wait_state(number, "COMPLETED")
        bed.power_off("c3")                            # moves.py has the others
        bed.configure("anvil")

Root and Linux only; cgroups of version 1 must be mounted.
"""

from tests.beds.slurm.bed import COMPUTE, OVER, SlurmBed
from tests.beds.slurm.hosts import wait_for

__all__ = ["COMPUTE", "OVER", "SlurmBed", "wait_for"]
