"""A cell: one task, alone with what it was given. This runs outside the engine and imports nothing of `holdfast`.

    keeper, in a shell ── init (pid 1) ── task (pid 2) ── whatever the task starts

The engine plans (`holdfast.sandbox.plan`): a pure function turns a policy and what the host can do into lists of typed
operations. Here they are carried out, one after the other, without a decision (`carry`). There are three lists.

The *shell* is built once by a keeper, and serves all its tasks of the same shape: a user namespace where the keeper is
no root, an own mount namespace in which the private root stands ready, a network namespace without a single interface,
a host name. What is in it can be read and not changed, so tasks may share it one after the other.

The *cell* is built once per task by pid 1, in new pid, mount and ipc namespaces: scratch space with its quota, a fresh
/proc, the private root as root, an identity of its own without any capability. It can be built before there is a task.

The *confinement* is put on by the task process itself, last of all: limits, files, Landlock, seccomp. Then comes the
program.

When the main process is dead, pid 1 kills and reaps the rest, reports (`record`) and dies; if pid 1 dies first, by the
keeper's hand or because the keeper died, the kernel kills everyone in the pid namespace. Either way the end of pid 1 is
the proof that nobody is left.
"""
