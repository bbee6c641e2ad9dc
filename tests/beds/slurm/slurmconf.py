"""The texts Slurm is configured with, made from a site. No I/O."""

from dataclasses import dataclass

from tests.beds.slurm.sites import Nodes, Queue, Site

HOSTS = tuple(f"c{n}" for n in range(10))

_HEAD = """\
ClusterName=bed
SlurmctldHost=head
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation={state}/slurmctld
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile={logs}/slurmctld.log
SlurmdLogFile={logs}/slurmd.%n.log
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
EnforcePartLimits=ALL
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=100000
SlurmctldTimeout=10
SlurmdTimeout=10
MessageTimeout=4
KillWait=5
MinJobAge=600
MaxArraySize=1001
RebootProgram=/bin/true
"""

_ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=head
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs from bed to bed: folders for state and logs, and whether there is accounting.

    `first_job` keeps the numbers of jobs rising when a new site begins with an empty queue.
    """

    state: str
    logs: str
    accounting: bool
    first_job: int = 1


def slurm_conf(site: Site, settings: Settings) -> str:
    """Return slurm.conf."""
    head = _HEAD.format(state=settings.state, logs=settings.logs)
    if settings.accounting:
        head += _ACCOUNTING
    lines = [f"FirstJobId={settings.first_job}"]
    lines += [_node_line(nodes) for nodes in site.nodes]
    lines += [_partition_line(site, queue, settings) for queue in site.partitions]
    return head + "".join(f"{line}\n" for line in lines)


def _node_line(nodes: Nodes) -> str:
    words = [f"NodeName={nodes.names}", f"CPUs={nodes.cpus}", f"RealMemory={nodes.memory}"]
    words += [f"Gres=gpu:{nodes.gpus}"] if nodes.gpus else []
    words += [f"Features={nodes.features}"] if nodes.features else []
    return " ".join(words)


def _partition_line(site: Site, queue: Queue, settings: Settings) -> str:
    cpus, memory = smallest(site, queue)
    words = [
        f"PartitionName={queue.name}",
        f"Nodes={queue.nodes}",
        f"Default={'YES' if queue.name == site.default else 'NO'}",
        f"MaxTime={queue.time} DefaultTime=0:30:00 State=UP",
        f"PriorityTier={1 if queue.preemptible else 10}",
        f"PreemptMode={'REQUEUE' if queue.preemptible else 'OFF'}",
        "OverSubscribe=EXCLUSIVE" if queue.whole else "OverSubscribe=NO",
        f"DefMemPerNode={memory}" if queue.whole else f"DefMemPerCPU={memory // cpus}",
    ]
    words += [f"DefCpuPerGPU={queue.gpu_cores}"] if queue.gpu_cores else []
    words += [f"MaxNodes={queue.max_nodes}"] if queue.max_nodes else []
    words += [f"MaxCPUsPerNode={queue.max_cpus}"] if queue.max_cpus else []
    if settings.accounting:
        words += [f"AllowAccounts={','.join(site.accounts)}"] if site.accounts else []
        words += [f"QOS={qos_of(site, queue)}"] if bounded(queue) else []
    return " ".join(words)


def smallest(site: Site, queue: Queue) -> tuple[int, int]:
    """Return cores and MiB of a partition's smallest node: its defaults are made of them."""
    mine = [nodes for nodes in site.nodes if set(nodes.hosts) & hosts_of(queue)]
    return min(nodes.cpus for nodes in mine), min(nodes.memory for nodes in mine)


def hosts_of(queue: Queue) -> set[str]:
    """The nodes a partition has."""
    return set(Nodes(queue.nodes, 1, 1).hosts)


def gres_conf(site: Site) -> str:
    """Return gres.conf: made-up devices, numbered as a machine's would be."""
    lines = []
    for nodes in site.nodes:
        if nodes.gpus:
            kind, _, count = nodes.gpus.partition(":")
            devices = f"/run/gpu/nvidia[0-{int(count) - 1}]"
            lines.append(f"NodeName={nodes.names} Name=gpu Type={kind} File={devices}\n")
    return "".join(lines)


def bounded(queue: Queue) -> bool:
    """Whether a partition has limits that only a QOS of its own can hold."""
    return bool(queue.limit or queue.max_gpus)


def qos_of(site: Site, queue: Queue) -> str:
    """The name of the QOS that holds a partition's limits."""
    return f"{site.name}-{queue.name}".lower()


def accounts(site: Site) -> str:
    """Return what sacctmgr is to read: the site's accounts, its QOS, and who may use them.

    Every user has an account `default`; alice has every account of the site, bob the first.
    """
    lines = [f"add account {account} cluster=bed" for account in site.accounts]
    for number, account in enumerate(site.accounts):
        users = "alice,bob" if number == 0 else "alice"
        lines.append(f"add user {users} account={account}")
    for queue in site.partitions:
        if bounded(queue):
            lines += _qos_lines(qos_of(site, queue), queue)
    for queue in site.qos:
        lines += _qos_lines(queue.name, queue)
    if site.qos:
        given = ",".join(["normal", *(queue.name for queue in site.qos)])
        lines.append(f"modify account root set qos={given}")
    return "".join(f"{line}\n" for line in lines)


def _qos_lines(name: str, queue: Queue) -> list[str]:
    tres = [f"node={queue.max_nodes}"] if queue.max_nodes else []
    tres += [f"cpu={queue.max_cpus}"] if queue.max_cpus else []
    tres += [f"gres/gpu={queue.max_gpus}"] if queue.max_gpus else []
    words = ["flags=DenyOnLimit", f"maxwall={queue.time}"]
    words += [f"maxsubmitjobsperuser={queue.limit}"] if queue.limit else []
    lines = [f"add qos {name}", f"modify qos {name} set {' '.join(words)}"]
    return lines + [f"modify qos {name} set maxtresperjob={word}" for word in tres]
