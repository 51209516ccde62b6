"""From a spec and what a sandbox offers to one inert start: nothing invented, nothing left out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.attempt import AttemptRef
from holdfast.model.launch import Call, Exec, Preparation
from holdfast.model.limits import Enforcement, Level, Limits, Offer
from holdfast.rules.launch import (
    DEFAULT_GRACE_S,
    DEFAULT_OUTPUT_BYTES,
    LIMIT_NAMES,
    effective,
    enforcement,
    plan,
    unenforced,
)
from unit.made import capabilities, claim, preparation

ALL = Limits(wall_s=1.0, memory_bytes=2, cpus=3.0, cpu_s=4.0, pids=5, output_bytes=6, open_files=7, grace_s=8.0)
NOW = 1_700_000_000.0

WORDS = st.text("a1=\0é", max_size=2)
BYTES = st.binary(max_size=2)
PAIRS = st.lists(st.tuples(WORDS, WORDS), max_size=2).map(tuple)
PREPARATIONS = st.builds(
    Preparation,
    program=st.one_of(
        st.builds(Exec, argv=st.lists(WORDS, max_size=3).map(tuple)),
        st.builds(Call, target=WORDS, arguments=BYTES, import_path=st.lists(WORDS, max_size=2).map(tuple)),
    ),
    environment=PAIRS,
    stdin=BYTES,
    files=st.lists(st.tuples(WORDS, BYTES), max_size=2).map(tuple),
)


def digest(prepared: Preparation, level: Level = Level.PROCESS, **limits: Any) -> str:
    return plan(claim(limits=Limits(**limits)), prepared, capabilities(level), NOW).digest


def test_every_limit_has_a_name_in_the_envelope() -> None:
    assert sorted(LIMIT_NAMES.values()) == sorted(field.name for field in dataclasses.fields(Limits))


def test_what_the_caller_left_open_gets_the_default_where_the_engine_has_one() -> None:
    assert effective(Limits()) == Limits(grace_s=DEFAULT_GRACE_S, output_bytes=DEFAULT_OUTPUT_BYTES)


@pytest.mark.parametrize("asked", [ALL, Limits(grace_s=0.0, output_bytes=1), Limits(grace_s=0.0, output_bytes=0)])
def test_what_the_caller_asked_for_is_kept_also_where_it_is_nothing(asked: Limits) -> None:
    assert effective(asked) == asked


def test_each_limit_with_a_value_is_listed_with_what_was_asked_and_offered() -> None:
    offers = {name: Offer(index % 2 == 0, f"way {index}") for index, name in enumerate(LIMIT_NAMES)}
    entries = enforcement(ALL, capabilities(**offers))
    assert [entry.limit for entry in entries] == list(LIMIT_NAMES)
    for entry in entries:
        assert entry.asked == getattr(ALL, LIMIT_NAMES[entry.limit])
        assert (entry.enforced, entry.by) == (offers[entry.limit].enforced, offers[entry.limit].by)


def test_limits_without_a_value_are_not_listed() -> None:
    offers = {name: Offer(True, "a way") for name in LIMIT_NAMES}
    entries = enforcement(Limits(memory_bytes=5), capabilities(**offers))
    assert entries == (Enforcement("memory_limit", 5, True, "a way"),)


def test_a_limit_for_which_nothing_is_offered_is_never_said_to_be_enforced() -> None:
    entries = enforcement(ALL, capabilities())
    assert len(entries) == len(LIMIT_NAMES)
    assert not any(entry.enforced for entry in entries)
    assert all("not enforced" in entry.by for entry in entries)


def test_a_launch_lists_the_defaults_that_it_filled_in() -> None:
    planned = plan(claim(), preparation(), capabilities(grace=Offer(True, "clock")), NOW)
    assert planned.enforcement == (
        Enforcement("output_limit", DEFAULT_OUTPUT_BYTES, False, "not enforced at this level"),
        Enforcement("grace", DEFAULT_GRACE_S, True, "clock"),
    )


def test_a_launch_says_what_was_prepared_at_the_level_of_the_sandbox() -> None:
    prepared = preparation(
        program=Call(target="m:f", arguments=b"{}"), stdin=b"in", files=(("a", b"b"),), environment=(("X", "1"),)
    )
    asked = claim(limits=ALL)
    planned = plan(asked, prepared, capabilities(Level.SANDBOX), NOW)
    assert planned.ref == asked.ref
    assert planned.level is Level.SANDBOX
    assert (planned.program, planned.stdin, planned.files) == (prepared.program, b"in", (("a", b"b"),))
    assert dict(planned.environment)["X"] == "1"
    assert planned.limits == ALL


def test_the_program_is_told_who_it_is_and_until_when_it_may_run() -> None:
    planned = plan(claim(limits=Limits(wall_s=90.5)), preparation(), capabilities(), NOW)
    assert dict(planned.environment) == {
        "HOLDFAST_TASK_ID": "build",
        "HOLDFAST_ATTEMPT": "2",
        "HOLDFAST_DEADLINE": "1700000090.500",
    }
    assert planned.deadline == NOW + 90.5


def test_a_program_without_a_time_limit_is_told_of_no_deadline() -> None:
    planned = plan(claim(), preparation(), capabilities(), NOW)
    assert "HOLDFAST_DEADLINE" not in dict(planned.environment)
    assert planned.deadline is None


def test_what_the_program_is_told_of_itself_cannot_be_set_by_its_context() -> None:
    told = (("HOLDFAST_TASK_ID", "x"), ("HOLDFAST_ATTEMPT", "x"), ("HOLDFAST_DEADLINE", "x"))
    planned = plan(claim(limits=Limits(wall_s=1)), preparation(environment=told), capabilities(), NOW)
    assert "x" not in dict(planned.environment).values()
    assert len(planned.environment) == len(dict(planned.environment))


@given(PREPARATIONS, PREPARATIONS)
def test_digests_are_equal_exactly_where_launches_are(one: Preparation, other: Preparation) -> None:
    assert (digest(one) == digest(other)) == (one == other)


@pytest.mark.parametrize(
    "one, other",
    [
        ({"program": Exec(argv=("a", "b"))}, {"program": Exec(argv=("ab",))}),
        ({"program": Exec(argv=("a", "b"))}, {"program": Exec(argv=("a",)), "stdin": b"b"}),
        ({"program": Exec(argv=("a",)), "stdin": b"K=V"}, {"program": Exec(argv=()), "stdin": b"a"}),
        (
            {"program": Exec(argv=("a", "")), "stdin": b"n", "environment": (("K", "V"),)},
            {"program": Exec(argv=("a",)), "files": (("n", b"K=V"),)},
        ),
        (
            {"program": Exec(argv=("a",)), "stdin": b"s", "environment": (("k", "0"),)},
            {"program": Exec(argv=("a", "s", "1")), "stdin": b"k"},
        ),
        ({"program": Call(target="2", arguments=b"x")}, {"program": Exec(argv=("x", "0"))}),
        ({"environment": (("a", "b"),)}, {"files": (("a", b"b"),)}),
        ({"environment": (("a=b", "c"),)}, {"environment": (("a", "b=c"),)}),
        ({"environment": (("a", "1"), ("b", "2"))}, {"environment": (("b", "2"), ("a", "1"))}),
        ({"program": Exec(argv=("Call",))}, {"program": Call(target="", arguments=b"")}),
    ],
)
def test_launches_that_read_alike_still_have_different_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(preparation(**one)) != digest(preparation(**other))


def test_another_level_or_limit_is_another_launch() -> None:
    changed = [{field.name: getattr(ALL, field.name)} for field in dataclasses.fields(Limits)]
    digests = {digest(preparation(), level) for level in Level} | {digest(preparation(), **one) for one in changed}
    assert len(digests) == len(Level) + len(changed)


def test_the_attempts_of_one_task_have_the_same_digest_whenever_they_start() -> None:
    first = claim(limits=ALL)
    second = dataclasses.replace(first, ref=AttemptRef(id=99, epoch=9, task_id="other", number=5))
    assert (
        plan(first, preparation(), capabilities(), NOW).digest
        == plan(second, preparation(), capabilities(timeout=Offer(True, "clock")), NOW + 5).digest
    )


def test_a_variable_that_is_no_unicode_does_not_stop_a_launch() -> None:
    path = b"/caf\xe9".decode("utf-8", "surrogateescape")
    assert digest(preparation(environment=(("PATH", path),))) != digest(preparation(environment=(("PATH", "/caf"),)))


HELD = {"memory_limit": Offer(False, "nothing", "Be root."), "timeout": Offer(True, "clock")}
ASKED = Limits(memory_bytes=5, wall_s=1)


def test_at_level_sandbox_a_limit_that_would_not_hold_is_a_reason_to_refuse() -> None:
    [problem] = unenforced(claim(limits=ASKED).spec, capabilities(Level.SANDBOX, **HELD))
    assert (problem.code, problem.path) == ("limit.unenforceable", "resources.memory_limit")
    assert problem.remedy == "Be root. Or do without: `allow_degraded: [memory_limit]`."


def test_a_limit_that_may_be_missing_and_level_process_are_no_reasons_to_refuse() -> None:
    degraded = claim(limits=ASKED, allow_degraded=("memory_limit",)).spec
    assert unenforced(degraded, capabilities(Level.SANDBOX, **HELD)) == ()
    assert unenforced(claim(limits=ASKED).spec, capabilities(Level.PROCESS, **HELD)) == ()
    assert unenforced(claim(limits=Limits(wall_s=1)).spec, capabilities(Level.SANDBOX, **HELD)) == ()
