"""The command line as tests call it: the real program, in a folder and an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).with_name("holdfast"))
KEPT = ("HOME", "PATH", "TMPDIR")


@dataclass(frozen=True)
class Ran:
    """What a call came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which has to be one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Door:
    """Calls the program in `folder`."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Of the environment here only what a program cannot do without."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**kept, "LC_ALL": "C.UTF-8", **self.variables}

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> Ran:
        """Call it and wait for the end."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            input=stdin.encode(),
            capture_output=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def write(self, name: str, document: Any) -> str:
        """Write a document as JSON, text as it is; give back its name."""
        text = document if isinstance(document, str) else json.dumps(document)
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


def shell(script: str, **resources: Any) -> dict[str, Any]:
    """A task that is a line of shell."""
    return {"agent_type": "command", "context": {"shell": True, "argv": script}, "resources": resources}


def envelope(task_id: str, script: str, **resources: Any) -> dict[str, Any]:
    """One such task as an envelope."""
    return {"execution": {"task_id": task_id, **shell(script, **resources)}}


def workflow(name: str = "demo", /, **tasks: dict[str, Any]) -> dict[str, Any]:
    """A workflow of such tasks."""
    return {"workflow": name, "tasks": tasks}
