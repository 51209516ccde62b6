"""The tables of the first schema version, and what marks a file as ours.

Tasks, workflows, attempts and events have integer keys, given out in the order of their making; the ids that people
see are looked up once per move. What is large and never changes (specs, documents) stands apart from the rows that
every move rewrites.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x486F6C64
"""`Hold`, in the header of the file."""

_FINAL: Final = "('succeeded', 'failed', 'cancelled')"

_META: Final = """
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('epoch', 0);
"""

_WORKFLOW: Final = """
CREATE TABLE workflow (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  submitted_at REAL NOT NULL,
  ended_at REAL,
  open_tasks INTEGER NOT NULL CHECK (open_tasks >= 0)
) STRICT;
CREATE INDEX workflow_by_digest ON workflow (digest);
CREATE INDEX workflow_open ON workflow (seq) WHERE ended_at IS NULL;
CREATE TABLE workflow_document (
  workflow INTEGER PRIMARY KEY REFERENCES workflow (seq) ON DELETE CASCADE,
  document BLOB NOT NULL,
  inputs BLOB NOT NULL
) STRICT;
"""

_TASK: Final = f"""
CREATE TABLE task (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL,
  name TEXT NOT NULL,
  workflow INTEGER REFERENCES workflow (seq) ON DELETE CASCADE,
  session TEXT NOT NULL,
  state TEXT NOT NULL,
  open_needs INTEGER NOT NULL CHECK (open_needs >= 0),
  cpus REAL NOT NULL CHECK (cpus >= 0),
  memory_bytes INTEGER NOT NULL CHECK (memory_bytes >= 0),
  submitted_at REAL NOT NULL,
  due_at REAL,
  ready_since REAL,
  started_at REAL,
  ended_at REAL,
  attempts INTEGER NOT NULL DEFAULT 0,
  engine_faults INTEGER NOT NULL DEFAULT 0,
  cancel_reason TEXT,
  outcome BLOB,
  result_digest TEXT,
  result_size INTEGER,
  result_total INTEGER,
  result_inline BLOB,
  CHECK (engine_faults BETWEEN 0 AND attempts),
  CHECK (
    CASE state
      WHEN 'running' THEN ended_at IS NULL AND outcome IS NULL AND open_needs = 0
      WHEN 'ready' THEN ended_at IS NULL AND outcome IS NULL AND open_needs = 0 AND ready_since IS NOT NULL
      WHEN 'waiting' THEN ended_at IS NULL AND outcome IS NULL AND (open_needs > 0 OR due_at IS NOT NULL)
      WHEN 'held' THEN ended_at IS NULL AND outcome IS NULL AND open_needs = 0
      WHEN 'succeeded' THEN ended_at IS NOT NULL AND outcome IS NOT NULL AND open_needs = 0
      WHEN 'failed' THEN ended_at IS NOT NULL AND outcome IS NOT NULL AND result_digest IS NULL
      WHEN 'cancelled' THEN ended_at IS NOT NULL AND outcome IS NOT NULL AND result_digest IS NULL
      ELSE false
    END
  )
) STRICT;
CREATE INDEX task_by_state ON task (state);
CREATE INDEX task_by_workflow ON task (workflow) WHERE workflow IS NOT NULL;
CREATE INDEX task_ready ON task (ready_since) WHERE state = 'ready';
CREATE INDEX task_ready_by_session ON task (session, ready_since) WHERE state = 'ready';
CREATE INDEX task_due ON task (due_at) WHERE state = 'waiting' AND open_needs = 0;
CREATE TABLE spec (
  task INTEGER PRIMARY KEY REFERENCES task (seq) ON DELETE CASCADE,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE edge (
  needs INTEGER NOT NULL REFERENCES task (seq) ON DELETE CASCADE,
  task INTEGER NOT NULL REFERENCES task (seq) ON DELETE CASCADE,
  PRIMARY KEY (needs, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_by_task ON edge (task);
CREATE TRIGGER task_final BEFORE UPDATE ON task WHEN OLD.state IN {_FINAL}
BEGIN
  SELECT RAISE(ABORT, 'a task that has ended never changes');
END;
"""

_ATTEMPT: Final = """
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  task INTEGER NOT NULL REFERENCES task (seq) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number >= 1),
  epoch INTEGER NOT NULL,
  state TEXT NOT NULL,
  claimed_at REAL NOT NULL,
  started_at REAL,
  ended_at REAL,
  level TEXT,
  outcome BLOB,
  verdict BLOB,
  usage BLOB,
  enforcement BLOB,
  receipt_statement BLOB,
  receipt_digest TEXT,
  stdout_digest TEXT,
  stdout_size INTEGER,
  stdout_total INTEGER,
  stdout_inline BLOB,
  stderr_digest TEXT,
  stderr_size INTEGER,
  stderr_total INTEGER,
  stderr_inline BLOB,
  UNIQUE (task, number),
  CHECK (
    CASE state
      WHEN 'ended' THEN ended_at IS NOT NULL AND outcome IS NOT NULL AND receipt_digest IS NOT NULL
      WHEN 'claimed' THEN ended_at IS NULL AND outcome IS NULL AND started_at IS NULL
      WHEN 'running' THEN ended_at IS NULL AND outcome IS NULL AND started_at IS NOT NULL
      WHEN 'verifying' THEN ended_at IS NULL AND outcome IS NULL AND started_at IS NOT NULL
      ELSE false
    END
  )
) STRICT;
CREATE UNIQUE INDEX attempt_open ON attempt (task) WHERE state <> 'ended';
CREATE TRIGGER attempt_ended BEFORE UPDATE ON attempt WHEN OLD.state = 'ended'
BEGIN
  SELECT RAISE(ABORT, 'an attempt that has ended never changes');
END;
"""

_EVENT: Final = """
CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  task INTEGER NOT NULL REFERENCES task (seq) ON DELETE CASCADE,
  workflow INTEGER REFERENCES workflow (seq) ON DELETE CASCADE,
  state TEXT NOT NULL,
  attempt INTEGER,
  data BLOB
) STRICT;
CREATE INDEX event_by_task ON event (task);
CREATE INDEX event_by_workflow ON event (workflow) WHERE workflow IS NOT NULL;
CREATE TRIGGER event_fact BEFORE UPDATE ON event
BEGIN
  SELECT RAISE(ABORT, 'an event never changes');
END;
"""

FIRST: Final = _META + _WORKFLOW + _TASK + _ATTEMPT + _EVENT
