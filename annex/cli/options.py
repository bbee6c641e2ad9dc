"""The options that `glidein slurm` and `glidein annex` share, spelled and meant alike."""

import typer

TARGET = typer.Argument("generic", metavar="[QUEUE@SYSTEM]", help="Where; see: glidein systems.")
POOL = typer.Option("", help="HOST[:PORT][?sock=NAME] of the pool's collector.")
NODES = typer.Option("", help="Nodes of one batch job, a pilot on each. Without it: 1.")
JOBS = typer.Option("", help="Batch jobs of one node each: an array, whose nodes leave alone.")
CPUS = typer.Option("", help="Cores of each node.")
MEMORY = typer.Option("", "--memory", "--mem-mb", "--mem_mb", help="Memory of each node: 64GB, MB.")
GPUS = typer.Option("", help="GPUs of each node: 2, or TYPE:2.")
GPU_TYPE = typer.Option("", "--gpu-type", "--gpu_type", help="The type of GPU.")
LIFETIME = typer.Option("1h", help="The batch job's time limit: 24h, 90m, seconds.")
IDLE = typer.Option(
    "", "--idle-time", "--idle_time", help="How long without a job, then leave. Without it: 20m."
)
PROJECT = typer.Option("", help="What the batch job is charged to (Slurm's account).")
OWNERS = typer.Option([], help="Whose jobs may run; commas or repeated. Or: the token's subject.")
START = typer.Option("", help="A further ClassAd expression that jobs must satisfy.")
GRACE = typer.Option("60", help="How long jobs may go on once a pilot is told to leave.")
NAME = typer.Option("", help="What TargetAnnexName of a job refers to.")
TOKEN = typer.Option("", "--token-file", "--token_file", help="The pool's token, mode 0600.")
RUNTIME = typer.Option("", help="The HTCondor to use: tarball, folder there, or URL.")
SHA256 = typer.Option("", help="What the tarball's SHA-256 must be.")
SBATCH = typer.Option([], metavar="NAME=VALUE", help="A further sbatch option: reservation=X.")
REQUEUE = typer.Option(False, "--requeue", help="Let Slurm start it again if a node fails.")
OLD = typer.Option("", hidden=True, help="Understood, and of no meaning any more.")
