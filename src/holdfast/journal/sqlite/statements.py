"""The SQL of every move and every question. A statement is prepared once and kept by its text."""

from __future__ import annotations

from typing import Final

# --- submit ---------------------------------------------------------------------------------------------------------

FIND_TASK: Final = "SELECT seq, digest, state, name FROM task WHERE id = ?"

INSERT_TASK: Final = """
INSERT INTO task (seq, id, digest, name, workflow, session, state, open_needs, cpus, memory_bytes, submitted_at,
  due_at, ready_since)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

INSERT_SPEC: Final = "INSERT INTO spec (task, body) VALUES (?, ?)"

INSERT_EDGE: Final = "INSERT INTO edge (needs, task) VALUES (?, ?)"

INSERT_EVENT: Final = """
INSERT INTO event (seq, at, kind, task, workflow, state, attempt, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""

FIND_WORKFLOW: Final = "SELECT seq, digest FROM workflow WHERE id = ?"

INSERT_WORKFLOW: Final = """
INSERT INTO workflow (seq, id, name, digest, submitted_at, ended_at, open_tasks) VALUES (?, ?, ?, ?, ?, ?, ?)"""

INSERT_DOCUMENT: Final = "INSERT INTO workflow_document (workflow, document, inputs) VALUES (?, ?, ?)"

MORE_TASKS: Final = "UPDATE workflow SET open_tasks = open_tasks + ?, ended_at = NULL WHERE seq = ?"

TAKE_TASK: Final = """
UPDATE task SET session = ? WHERE seq = ? AND state IN ('waiting', 'ready', 'running', 'held')"""

TAKE_WORKFLOW: Final = """
UPDATE task SET session = ? WHERE workflow = ? AND state IN ('waiting', 'ready', 'running', 'held')"""

# --- claim ----------------------------------------------------------------------------------------------------------

RUNNING: Final = "SELECT cpus, memory_bytes FROM task WHERE state = 'running'"

READY_LINE: Final = """
SELECT seq, id, cpus, memory_bytes, ready_since FROM task INDEXED BY task_ready
WHERE state = 'ready' ORDER BY ready_since, seq LIMIT ?"""

READY_LINE_OF_SESSION: Final = """
SELECT seq, id, cpus, memory_bytes, ready_since FROM task INDEXED BY task_ready_by_session
WHERE state = 'ready' AND session = ? ORDER BY ready_since, seq LIMIT ?"""

CLAIMED: Final = """
SELECT t.id, t.name, t.workflow, w.id, t.attempts, t.engine_faults, t.digest, s.body
FROM task t JOIN spec s ON s.task = t.seq LEFT JOIN workflow w ON w.seq = t.workflow WHERE t.seq = ?"""

INSERT_ATTEMPT: Final = """
INSERT INTO attempt (id, task, number, epoch, state, claimed_at) VALUES (?, ?, ?, ?, 'claimed', ?)"""

CLAIM_TASK: Final = "UPDATE task SET state = ?, attempts = ? WHERE seq = ? AND state = 'ready'"

# --- attempts -------------------------------------------------------------------------------------------------------

HELD_BY: Final = """
SELECT a.state, t.seq, t.id, t.name, t.workflow, w.id, t.state, t.cancel_reason
FROM attempt a JOIN task t ON t.seq = a.task LEFT JOIN workflow w ON w.seq = t.workflow
WHERE a.id = ? AND a.epoch = ? AND a.state <> 'ended' AND a.number = ? AND t.id = ?"""

ADVANCE_ATTEMPT: Final = """
UPDATE attempt SET state = ?, started_at = coalesce(started_at, ?) WHERE id = ? AND epoch = ? AND state <> 'ended'"""

START_TASK: Final = "UPDATE task SET started_at = ? WHERE seq = ? AND started_at IS NULL"

END_ATTEMPT: Final = """
UPDATE attempt SET state = 'ended', started_at = coalesce(?, started_at), ended_at = ?, level = ?, outcome = ?,
  verdict = ?, usage = ?, enforcement = ?, receipt_statement = ?, receipt_digest = ?,
  stdout_digest = ?, stdout_size = ?, stdout_total = ?, stdout_inline = ?,
  stderr_digest = ?, stderr_size = ?, stderr_total = ?, stderr_inline = ?
WHERE id = ? AND epoch = ? AND state <> 'ended'"""

END_TASK: Final = """
UPDATE task SET state = ?, started_at = coalesce(started_at, ?), ended_at = ?, due_at = coalesce(?, due_at),
  engine_faults = engine_faults + ?, outcome = ?,
  result_digest = ?, result_size = ?, result_total = ?, result_inline = ?
WHERE seq = ? AND state = 'running'"""

ORPHANS: Final = """
SELECT a.id, a.number, t.id, t.name, w.id, t.attempts, t.engine_faults, t.digest, s.body
FROM attempt a INDEXED BY attempt_open JOIN task t ON t.seq = a.task JOIN spec s ON s.task = t.seq
LEFT JOIN workflow w ON w.seq = t.workflow
WHERE a.state <> 'ended' AND a.epoch < ? ORDER BY a.id"""

TAKE_ATTEMPT: Final = "UPDATE attempt SET epoch = ? WHERE id = ? AND epoch < ? AND state <> 'ended'"

# --- dependants -----------------------------------------------------------------------------------------------------

DEPENDANTS: Final = """
SELECT t.seq, t.id, t.name, t.workflow, w.id, t.open_needs, t.due_at
FROM edge e CROSS JOIN task t ON t.seq = e.task LEFT JOIN workflow w ON w.seq = t.workflow
WHERE e.needs = ? AND t.state = 'waiting' ORDER BY e.task"""

MEET_NEED: Final = "UPDATE task SET open_needs = open_needs - 1 WHERE seq = ? AND state = 'waiting'"

MAKE_READY: Final = "UPDATE task SET state = ?, open_needs = 0, ready_since = ? WHERE seq = ? AND state = 'waiting'"

DUE: Final = """
SELECT t.seq, t.id, t.name, t.workflow, w.id
FROM task t INDEXED BY task_due LEFT JOIN workflow w ON w.seq = t.workflow
WHERE t.state = 'waiting' AND t.open_needs = 0 AND t.due_at <= ? ORDER BY t.due_at, t.seq"""

NEXT_DUE: Final = """
SELECT due_at FROM task INDEXED BY task_due WHERE state = 'waiting' AND open_needs = 0 ORDER BY due_at LIMIT 1"""

# --- cancel ---------------------------------------------------------------------------------------------------------

CANCELLABLE: Final = """
SELECT t.seq, t.id, t.name, t.workflow, w.id, t.state, t.cancel_reason, t.attempts
FROM task t LEFT JOIN workflow w ON w.seq = t.workflow WHERE t.id = ?"""

CANCEL_TASK: Final = """
UPDATE task SET state = ?, cancel_reason = ?, outcome = ?, ended_at = ?
WHERE seq = ? AND state IN ('waiting', 'ready', 'held')"""

ASK_CANCEL: Final = "UPDATE task SET cancel_reason = ? WHERE seq = ? AND state = 'running'"

CLOSE_TASKS: Final = """
UPDATE workflow SET open_tasks = open_tasks - ?1, ended_at = CASE WHEN open_tasks = ?1 THEN ?2 END WHERE seq = ?3"""

# --- reading --------------------------------------------------------------------------------------------------------

_TASK_COLUMNS: Final = """
SELECT t.id, s.body, t.digest, t.state, t.name, w.id, t.submitted_at, t.due_at, t.started_at, t.ended_at, t.attempts,
  t.engine_faults, t.cancel_reason, t.outcome, t.result_digest, t.result_size, t.result_total, t.result_inline, t.seq
FROM task t CROSS JOIN spec s ON s.task = t.seq LEFT JOIN workflow w ON w.seq = t.workflow"""

TASK: Final = f"{_TASK_COLUMNS} WHERE t.id = ?"

SEQ_OF_TASK: Final = "SELECT seq FROM task WHERE id = ?"

TASKS: Final = f"{_TASK_COLUMNS} WHERE t.seq < ? ORDER BY t.seq DESC LIMIT ?"

TASKS_BY_STATE: Final = f"{_TASK_COLUMNS} WHERE t.seq < ? AND t.state = ? ORDER BY t.seq DESC LIMIT ?"

TASKS_OF_WORKFLOW: Final = f"""{_TASK_COLUMNS}
WHERE t.seq < ? AND t.workflow = (SELECT seq FROM workflow WHERE id = ?) AND t.state IN (?, ?, ?, ?, ?, ?, ?)
ORDER BY t.seq DESC LIMIT ?"""

ATTEMPTS: Final = """
SELECT a.id, a.epoch, a.number, a.state, a.claimed_at, a.started_at, a.ended_at, a.level, a.outcome, a.verdict,
  a.usage, a.enforcement, a.receipt_statement, a.receipt_digest,
  a.stdout_digest, a.stdout_size, a.stdout_total, a.stdout_inline,
  a.stderr_digest, a.stderr_size, a.stderr_total, a.stderr_inline
FROM attempt a JOIN task t ON t.seq = a.task WHERE t.id = ? ORDER BY a.number"""

WORKFLOW: Final = """
SELECT w.id, w.name, w.digest, d.inputs, w.submitted_at, w.ended_at
FROM workflow w JOIN workflow_document d ON d.workflow = w.seq WHERE w.seq = ?"""

WORKFLOWS: Final = "SELECT seq FROM workflow WHERE true"
"""Followed by any of the next four, in their order, and `NEWEST_WORKFLOWS`."""

WORKFLOW_OF_ID: Final = " AND id = ?"

WORKFLOW_OF_DIGEST: Final = " AND digest = ?"

WORKFLOW_ENDED: Final = " AND ended_at IS NOT NULL"

WORKFLOW_OPEN: Final = " AND ended_at IS NULL"

NEWEST_WORKFLOWS: Final = " ORDER BY seq DESC LIMIT ?"

COUNTS: Final = "SELECT state, count(*) FROM task WHERE workflow = ? GROUP BY state"

_EVENT_COLUMNS: Final = """
SELECT e.seq, e.at, e.kind, t.id, e.state, w.id, e.attempt, e.data
FROM event e JOIN task t ON t.seq = e.task LEFT JOIN workflow w ON w.seq = e.workflow"""

EVENTS: Final = f"{_EVENT_COLUMNS} WHERE e.seq > ? ORDER BY e.seq LIMIT ?"

EVENTS_OF_TASK: Final = f"""{_EVENT_COLUMNS}
WHERE e.task = (SELECT seq FROM task WHERE id = ?) AND e.seq > ? ORDER BY e.seq LIMIT ?"""

EVENTS_OF_WORKFLOW: Final = f"""{_EVENT_COLUMNS}
WHERE e.workflow = (SELECT seq FROM workflow WHERE id = ?) AND e.seq > ? ORDER BY e.seq LIMIT ?"""

HIGHEST: Final = "SELECT coalesce(max({key}), 0) FROM {table}"

# --- opening --------------------------------------------------------------------------------------------------------

RAISE_EPOCH: Final = "UPDATE meta SET value = value + 1 WHERE key = 'epoch' RETURNING value"
