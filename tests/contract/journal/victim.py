"""A process that submits, claims and finishes until it is killed, and says on stdout what was acknowledged.

Each line is written in one call once the journal has answered: `submit ID`, `claim ID NUMBER`, `finish ID NUMBER
RESULT`, `retry ID NUMBER`, `cancel ID`. It starts, as an engine does, by ending what the one before it left.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sys

from holdfast.journal.sqlite.store import SqliteJournal
from holdfast.model.attempt import AttemptState, Claim, Ending
from holdfast.model.content import Content
from holdfast.model.limits import Capacity, Level, Usage
from holdfast.model.outcome import Outcome, OutcomeKind, Verdict
from holdfast.model.query import Submission
from holdfast.model.receipt import Receipt
from holdfast.model.retry import RetryPolicy
from holdfast.model.task import NewTask, TaskSpec


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def new(task_id: str, *needs: str) -> NewTask:
    spec = TaskSpec(agent_type="x", context={"id": task_id}, retry=RetryPolicy(max_attempts=3))
    return NewTask(id=task_id, spec=spec, digest=task_id, needs=needs)


def ending(claim: Claim, kind: OutcomeKind, retry_at: float | None = None) -> Ending:
    text = f"{claim.ref.task_id}/{claim.ref.number}".encode()
    kept = Content(digest=hashlib.sha256(text).hexdigest(), size=len(text), total=len(text), inline=text)
    return Ending(
        ref=claim.ref,
        outcome=Outcome(kind=kind, message=""),
        verdict=Verdict(),
        receipt=Receipt(b"{}", "r"),
        level=Level.PROCESS,
        usage=Usage(),
        enforcement=(),
        started_at=None,
        ended_at=1.0,
        result=kept if kind is OutcomeKind.SUCCEEDED else None,
        retry_at=retry_at,
    )


async def submits(journal: SqliteJournal, chance: random.Random, mark: str) -> None:
    for number in range(10_000):
        names = [f"{mark}-{number}-{index}" for index in range(chance.randrange(1, 4))]
        tasks = [new(names[0]), *(new(name, names[0]) for name in names[1:])]
        await journal.submit(Submission(tasks=tuple(tasks)))
        for name in names:
            say("submit", name)
        if chance.random() < 0.1:
            moved = await journal.cancel([names[-1]], "unwanted", 1.0)
            for event in moved.events:
                if event.state == "cancelled":
                    say("cancel", event.task_id)


async def drives(journal: SqliteJournal, chance: random.Random) -> None:
    while True:
        await journal.wake(1.0)
        for claim in await journal.claim(Capacity(cpus=1e6, memory_bytes=1 << 50, slots=8), 1.0):
            say("claim", claim.ref.task_id, claim.ref.number)
            await drive(journal, claim, chance)
        await asyncio.sleep(0)


async def drive(journal: SqliteJournal, claim: Claim, chance: random.Random) -> None:
    task_id, number = claim.ref.task_id, claim.ref.number
    await journal.advance(claim.ref, AttemptState.RUNNING, 1.0)
    if chance.random() < 0.2 and claim.spent + 1 < claim.spec.retry.max_attempts:
        await journal.finish(ending(claim, OutcomeKind.ERRORED, retry_at=1.0))
        say("retry", task_id, number)
    else:
        await journal.finish(ending(claim, OutcomeKind.SUCCEEDED))
        say("finish", task_id, number)


async def main(store: str, seed: str) -> None:
    chance = random.Random(seed)
    journal = await SqliteJournal.open(store)
    for claim in await journal.orphans():
        await journal.finish(ending(claim, OutcomeKind.LOST, retry_at=1.0))
        say("retry", claim.ref.task_id, claim.ref.number)
    submitting = (submits(journal, chance, f"{seed}.{number}") for number in range(4))
    await asyncio.gather(*submitting, *(drives(journal, chance) for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
