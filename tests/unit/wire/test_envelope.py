from __future__ import annotations

import msgspec
import pytest

from holdfast.model.errors import Refused
from holdfast.model.json import Json
from holdfast.model.limits import Level, Limits
from holdfast.model.retry import Backoff, Growth, RetryPolicy
from holdfast.model.task import TaskSpec
from holdfast.rules.launch import LIMIT_NAMES
from holdfast.wire.document import Form, read_document
from holdfast.wire.envelope import Envelope, Envelopes
from holdfast.wire.parse import parse, read
from holdfast.wire.reader import Problems
from holdfast.wire.resources import write_resources

SEED = """{"execution": {"task_id": "unique_id", "agent_type": "specialized_agent", "context": {},
  "resources": {"timeout": 300, "memory_limit": "1GB", "retry_policy": {"max_attempts": 3, "backoff": "exponential"}},
  "monitoring": {"start_time": null, "checkpoints": [], "metrics": {}}}}
"""

SEED_YAML = """
execution:
  task_id: unique_id
  agent_type: specialized_agent
  context: {}
  resources:
    timeout: 300
    memory_limit: 1GB
    retry_policy: {max_attempts: 3, backoff: exponential}
  monitoring:
    start_time:
    checkpoints: []
    metrics: {}
"""

SEED_TOML = """
[execution]
task_id = "unique_id"
agent_type = "specialized_agent"
context = {}

[execution.resources]
timeout = 300
memory_limit = "1GB"
retry_policy = { max_attempts = 3, backoff = "exponential" }

[execution.monitoring]
checkpoints = []
metrics = {}
"""

SEED_SPEC = TaskSpec(
    agent_type="specialized_agent",
    limits=Limits(wall_s=300.0, memory_bytes=10**9),
    retry=RetryPolicy(max_attempts=3, backoff=Backoff(growth=Growth.EXPONENTIAL)),
)


def envelope(**keys: Json) -> Envelope:
    parsed = parse({"execution": {"agent_type": "command", **keys}})
    assert isinstance(parsed, Envelope)
    return parsed


@pytest.mark.parametrize("form, text", [("json", SEED), ("yaml", SEED_YAML), ("toml", SEED_TOML), (None, SEED)])
def test_the_seed_is_read_in_every_form(form: Form | None, text: str) -> None:
    assert parse(read_document(text.encode(), form)) == Envelope(SEED_SPEC, "unique_id")


def test_an_agent_type_is_enough() -> None:
    assert envelope() == Envelope(TaskSpec(agent_type="command"), None)


def test_null_is_the_same_as_leaving_out() -> None:
    nothing: Json = {"timeout": None, "retry_policy": {"backoff": None}, "isolation": None, "allow_degraded": None}
    assert envelope(task_id=None, context=None, resources=nothing, monitoring=None) == envelope()
    assert envelope(resources=None) == envelope()


def test_every_limit_reaches_its_field() -> None:
    limits = envelope(
        resources={
            "timeout": "1m30s",
            "memory_limit": "512 MiB",
            "cpus": 1.5,
            "cpu_time": "2h",
            "pids_limit": 64,
            "output_limit": "1MB",
            "open_files": 256,
            "grace": "500ms",
        }
    ).spec.limits
    assert limits == Limits(
        wall_s=90.0,
        memory_bytes=512 * 2**20,
        cpus=1.5,
        cpu_s=7200.0,
        pids=64,
        output_bytes=10**6,
        open_files=256,
        grace_s=0.5,
    )


def test_isolation_and_what_may_be_degraded_are_read() -> None:
    spec = envelope(resources={"isolation": "process", "allow_degraded": ["memory_limit", "cpus"]}).spec
    assert spec.isolation is Level.PROCESS
    assert spec.allow_degraded == ("memory_limit", "cpus")


@pytest.mark.parametrize(
    "written, backoff",
    [
        ("fixed", Backoff(growth=Growth.FIXED)),
        ("linear", Backoff(growth=Growth.LINEAR)),
        ({}, Backoff()),
        ({"strategy": "linear", "base": "2s", "cap": "1m"}, Backoff(growth=Growth.LINEAR, base_s=2.0, cap_s=60.0)),
        ({"factor": 3, "jitter": 0}, Backoff(factor=3.0, jitter=0.0)),
        ({"base": "10m"}, Backoff(base_s=600.0, cap_s=600.0)),
    ],
)
def test_backoff_is_a_strategy_or_an_object_that_tunes_it(written: Json, backoff: Backoff) -> None:
    assert envelope(resources={"retry_policy": {"backoff": written}}).spec.retry.backoff == backoff


def test_monitoring_that_is_filled_in_is_not_used() -> None:
    filled: Json = {"start_time": "2026-01-31T12:00:00Z", "checkpoints": [{"a": 1}], "metrics": {"wall_s": 1.5}}
    assert envelope(monitoring=filled) == envelope()


def test_references_in_an_envelope_are_plain_text() -> None:
    assert envelope(context={"x": "${{ not a reference"}).spec.context == {"x": "${{ not a reference"}


def test_a_list_holds_envelopes_in_order() -> None:
    one: Json = {"execution": {"agent_type": "command", "task_id": "a"}}
    two: Json = {"execution": {"agent_type": "python"}}
    assert parse([one, two, two]) == Envelopes((
        Envelope(TaskSpec(agent_type="command"), "a"),
        Envelope(TaskSpec(agent_type="python")),
        Envelope(TaskSpec(agent_type="python")),
    ))


def test_a_list_of_very_many_envelopes_is_refused() -> None:
    with pytest.raises(Refused, match="at most 100000"):
        parse([{}] * 100_001)


def test_what_can_be_read_of_a_bad_document_is_at_hand_for_more_checks() -> None:
    problems = Problems()
    parsed = read({"execution": {"agent_type": "nobody", "resources": {"timeout": "x", "cpus": 2}}}, problems)
    assert isinstance(parsed, Envelope)
    assert parsed.spec.limits == Limits(cpus=2.0)
    assert parsed.spec.agent_type == "nobody"
    assert [problem.code for problem in problems.found()] == ["unit.bad"]


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"timeout": 0.25, "memory_limit": "1GiB", "cpus": 0.5, "grace": 0},
        {"cpu_time": "1d", "pids_limit": 1, "output_limit": 1, "open_files": 64},
        {"retry_policy": {"max_attempts": 7, "backoff": "fixed"}},
        {"retry_policy": {"backoff": {"strategy": "exponential", "base": 0.1, "factor": 1.5, "jitter": 1}}},
        {"isolation": "sandbox", "allow_degraded": ["pids_limit"]},
    ],
)
def test_resources_written_back_are_read_the_same(resources: Json) -> None:
    spec = envelope(resources=resources).spec
    written = msgspec.json.decode(msgspec.json.encode(write_resources(spec)))
    assert envelope(resources=written).spec == spec


def test_numbers_are_written_back_as_short_as_they_are() -> None:
    written = write_resources(envelope(resources={"timeout": "5m", "grace": "1.5s"}).spec)
    assert msgspec.json.encode(written["timeout"]) == b"300"
    assert msgspec.json.encode(written["grace"]) == b"1.5"


def test_the_engine_knows_the_limits_by_the_same_names() -> None:
    every = TaskSpec(
        agent_type="a",
        limits=Limits(wall_s=1, memory_bytes=1, cpus=1, cpu_s=1, pids=1, output_bytes=1, open_files=1, grace_s=1),
    )
    assert write_resources(every).keys() - {"retry_policy"} == LIMIT_NAMES.keys()
