"""The processes between the engine and a task. This package runs outside the engine and imports nothing of `holdfast`.

    engine ── root zygote ─┬─ keeper ── task ── whatever the task starts
                           └─ keeper ── task ── …

The engine starts the *root zygote* once: a bare interpreter (`python -I -S`) with an almost empty environment, no open
file but a socket to the engine, and next to nothing imported. It never held the engine's secrets, so no fork of it can
show them. It does two things: it forks keepers, and it kills whatever a dead keeper leaves behind.

A *keeper* carries out the engine's orders, one task at a time, over a socket of its own. It forks the task, holds the
clocks, reads the outputs, kills, counts and reports; an engine that stalls prolongs nothing. It is a subreaper: whoever
loses a parent below it becomes its child. As it has one task at a time, every descendant belongs to that task, however
often it forked or changed session; the task is over when the kernel says that no child is left. So tasks are told
apart without cgroups, and one task costs one fork.

A *task process* is used once. Until `child.enter` hands over to the program it is trusted code; after that it is not.

Two voices tell of failure. What went wrong before the hand-over is the sandbox's fault and is written into a shared
page that the program no longer has; what went wrong after it is the program's own, told by its status and its result.

Nobody outlives the engine. A keeper kills its task and leaves when its socket ends or when the engine or the root dies;
the root leaves last. If a keeper is killed, the kernel kills its task (PDEATHSIG), and the root the rest. Should all of
them be killed at once, the next engine finds the leftovers by a mark in their environment (`holdfast.sandbox.stale`).
"""
