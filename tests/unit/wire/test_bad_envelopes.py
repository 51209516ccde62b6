"""Envelopes that are wrong: refused, with code, path and what to do about it."""

from __future__ import annotations

import pytest

from unit.wire.bad import Bad, check


def execution(keys: str) -> str:
    """An envelope with more keys."""
    return f'{{"execution": {{"agent_type": "command", {keys}}}}}'


def resources(keys: str) -> str:
    """An envelope with these resources."""
    return execution(f'"resources": {{{keys}}}')


NAMED = execution('"task_id": "a"')

DOCUMENTS = [
    Bad("a number", "json", "3", "document.unknown_kind", ""),
    Bad("null", "json", "null", "document.unknown_kind", ""),
    Bad("an empty object", "json", "{}", "document.unknown_kind", ""),
    Bad("a misspelt execution", "json", '{"exection": {}}', "document.unknown_kind", "exection"),
    Bad("an execution not wrapped", "json", '{"agent_type": "command"}', "document.unknown_kind", ""),
    Bad("an empty list", "json", "[]", "document.empty", ""),
    Bad("a list of something else", "json", "[1]", "type.wrong", "[0]"),
    Bad("a list with an empty object", "json", "[{}]", "key.missing", "[0].execution"),
    Bad(
        "a key beside execution",
        "json",
        '{"execution": {"agent_type": "command"}, "x": 1}',
        "envelope.unknown_key",
        "x",
    ),
    Bad("an execution that is text", "json", '{"execution": "run"}', "type.wrong", "execution"),
    Bad("no agent type", "json", '{"execution": {}}', "key.missing", "execution.agent_type"),
    Bad("an agent type of null", "json", '{"execution": {"agent_type": null}}', "key.missing", "execution.agent_type"),
    Bad(
        "an agent type that is a number",
        "json",
        '{"execution": {"agent_type": 3}}',
        "type.wrong",
        "execution.agent_type",
    ),
    Bad(
        "an agent type with a slash", "json", '{"execution": {"agent_type": "a/b"}}', "name.bad", "execution.agent_type"
    ),
    Bad("the same task id twice", "json", f"[{NAMED}, {NAMED}]", "id.duplicate", "[1].execution.task_id"),
    Bad(
        "resources that are a number",
        "json",
        '{"execution": {"agent_type": "command", "resources": 1}}',
        "type.wrong",
        "execution.resources",
    ),
]

EXECUTIONS = [
    ("an unknown key", '"contxt": {}', "envelope.unknown_key", "contxt"),
    ("an unknown key with odd characters", '"a b": 1', "envelope.unknown_key", '["a b"]'),
    ("a context that is a list", '"context": []', "type.wrong", "context"),
    ("a task id that is a number", '"task_id": 7', "type.wrong", "task_id"),
    ("an empty task id", '"task_id": ""', "id.bad", "task_id"),
    ("a task id with a space", '"task_id": "a b"', "id.bad", "task_id"),
    ("a task id with a NUL", '"task_id": "a\\u0000"', "id.bad", "task_id"),
    ("a task id that climbs", '"task_id": "../x"', "id.bad", "task_id"),
    ("a task id that is too long", f'"task_id": "{"a" * 201}"', "id.bad", "task_id"),
    ("a result in what is asked", '"result": 1', "envelope.output_key", "result"),
    ("a state in what is asked", '"state": "failed"', "envelope.output_key", "state"),
    ("monitoring that is a list", '"monitoring": []', "type.wrong", "monitoring"),
    ("an unknown key in monitoring", '"monitoring": {"metric": {}}', "envelope.unknown_key", "monitoring.metric"),
    ("checkpoints that are an object", '"monitoring": {"checkpoints": {}}', "type.wrong", "monitoring.checkpoints"),
]

RESOURCES = [
    ("a misspelt limit", '"memroy_limit": "1GB"', "envelope.unknown_key", "memroy_limit"),
    ("a timeout of zero", '"timeout": 0', "value.out_of_range", "timeout"),
    ("a negative timeout", '"timeout": -5', "unit.bad", "timeout"),
    ("a timeout of ten years", '"timeout": "520w"', "value.out_of_range", "timeout"),
    ("a timeout that is true", '"timeout": true', "type.wrong", "timeout"),
    ("a timeout in quotes without a unit", '"timeout": "300"', "unit.bad", "timeout"),
    ("a timeout in an unknown unit", '"timeout": "5 fortnights"', "unit.bad", "timeout"),
    ("a timeout in months", '"timeout": "P1M"', "unit.bad", "timeout"),
    ("a memory limit in an unclear unit", '"memory_limit": "512m"', "unit.bad", "memory_limit"),
    ("a memory limit in bits", '"memory_limit": "1Gb"', "unit.bad", "memory_limit"),
    ("a memory limit of 10 bytes", '"memory_limit": 10', "value.out_of_range", "memory_limit"),
    ("a memory limit of half a byte", '"memory_limit": 1048576.5', "unit.bad", "memory_limit"),
    ("a memory limit that is a list", '"memory_limit": ["1GB"]', "type.wrong", "memory_limit"),
    ("no processors", '"cpus": 0', "value.out_of_range", "cpus"),
    ("processors as text", '"cpus": "2"', "type.wrong", "cpus"),
    ("half a process", '"pids_limit": 1.5', "type.wrong", "pids_limit"),
    ("no open files", '"open_files": 0', "value.out_of_range", "open_files"),
    ("a grace of a day", '"grace": "1d"', "value.out_of_range", "grace"),
    ("an unknown isolation", '"isolation": "sandbx"', "value.unknown", "isolation"),
    ("an isolation that is a list", '"isolation": ["process"]', "type.wrong", "isolation"),
    ("an unknown limit to degrade", '"allow_degraded": ["memory"]', "value.unknown", "allow_degraded[0]"),
    ("a limit to degrade named twice", '"allow_degraded": ["cpus", "cpus"]', "value.repeated", "allow_degraded[1]"),
    ("no attempts", '"retry_policy": {"max_attempts": 0}', "value.out_of_range", "retry_policy.max_attempts"),
    ("attempts as text", '"retry_policy": {"max_attempts": "3"}', "type.wrong", "retry_policy.max_attempts"),
    ("an unknown backoff", '"retry_policy": {"backoff": "exponental"}', "value.unknown", "retry_policy.backoff"),
    ("a backoff that is a number", '"retry_policy": {"backoff": 2}', "type.wrong", "retry_policy.backoff"),
    (
        "an unknown key in backoff",
        '"retry_policy": {"backoff": {"facter": 2}}',
        "envelope.unknown_key",
        "retry_policy.backoff.facter",
    ),
    (
        "a factor below one",
        '"retry_policy": {"backoff": {"factor": 0.5}}',
        "value.out_of_range",
        "retry_policy.backoff.factor",
    ),
    (
        "too much jitter",
        '"retry_policy": {"backoff": {"jitter": 2}}',
        "value.out_of_range",
        "retry_policy.backoff.jitter",
    ),
]


@pytest.mark.parametrize("bad", DOCUMENTS, ids=lambda bad: bad.situation)
def test_a_bad_envelope_is_refused_with_code_path_and_remedy(bad: Bad) -> None:
    check(bad)


@pytest.mark.parametrize("situation, keys, code, path", EXECUTIONS)
def test_a_bad_execution_is_refused_with_code_path_and_remedy(situation: str, keys: str, code: str, path: str) -> None:
    where = f"execution{path}" if path.startswith("[") else f"execution.{path}"
    check(Bad(situation, "json", execution(keys), code, where))


@pytest.mark.parametrize("situation, keys, code, path", RESOURCES)
def test_bad_resources_are_refused_with_code_path_and_remedy(situation: str, keys: str, code: str, path: str) -> None:
    check(Bad(situation, "json", resources(keys), code, f"execution.resources.{path}"))
