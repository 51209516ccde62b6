"""Workflows that are wrong: refused, with code, path and what to do about it."""

from __future__ import annotations

import pytest

from unit.wire.bad import Bad, check, problems_of

ONE = "  a: {agent_type: c}"
MANY = ", ".join(f'"t{n}": 0' for n in range(100_001))


def flow(tasks: str, more: str = "") -> str:
    """A workflow of these tasks."""
    return f"workflow: w\n{more}\ntasks:\n{tasks}\n"


FILES = [
    Bad("no name", "yaml", "tasks: {a: {agent_type: c}}", "key.missing", "workflow"),
    Bad("a bad name", "yaml", "workflow: a b\ntasks: {a: {agent_type: c}}", "name.bad", "workflow"),
    Bad("no tasks", "yaml", "workflow: w", "key.missing", "tasks"),
    Bad("empty tasks", "yaml", "workflow: w\ntasks: {}", "workflow.empty", "tasks"),
    Bad("tasks as a list", "yaml", "workflow: w\ntasks: [a]", "type.wrong", "tasks"),
    Bad("100,001 tasks", "json", f'{{"workflow": "w", "tasks": {{{MANY}}}}}', "value.too_many", "tasks"),
]

HEADS = [
    ("a misspelt key", "input: {}", "workflow.unknown_key", "input"),
    ("defaults for contexts", "defaults: {context: {}}", "workflow.unknown_key", "defaults.context"),
    ("a bad default", "defaults: {resources: {timeout: x}}", "unit.bad", "defaults.resources.timeout"),
    ("inputs as a list", "inputs: [a]", "type.wrong", "inputs"),
    ("an input with a bad name", "inputs: {a.b: 1}", "name.bad", 'inputs["a.b"]'),
]

TASKS = [
    ("a task with a bad name", "a.b: {agent_type: c}", "name.bad", '["a.b"]'),
    ("a task with a long name", f"{'b' * 101}: {{agent_type: c}}", "name.bad", f'["{"b" * 63}\\u2026"]'),
    ("a task that is text", "b: command", "type.wrong", ".b"),
    ("a task id in a workflow", "b: {agent_type: c, task_id: x}", "envelope.output_key", ".b.task_id"),
    ("a state in a workflow", "b: {agent_type: c, state: failed}", "envelope.output_key", ".b.state"),
    ("needs as text", "b: {agent_type: c, needs: a}", "type.wrong", ".b.needs"),
    ("a need that is a number", "b: {agent_type: c, needs: [1]}", "type.wrong", ".b.needs[0]"),
    ("an unknown need", "b: {agent_type: c, needs: [aa]}", "needs.unknown", ".b.needs[0]"),
    ("a need named twice", "b: {agent_type: c, needs: [a, a]}", "needs.duplicate", ".b.needs[1]"),
    ("a need of itself", "b: {agent_type: c, needs: [b]}", "needs.self", ".b.needs[0]"),
    ("a circle", "b: {agent_type: c, needs: [d]}\n  d: {agent_type: c, needs: [b]}", "workflow.cycle", ".b.needs"),
]

REFERENCES = [
    ("a reference to an unknown task", "${{ tasks.bb.result }}", "reference.unknown_task"),
    ("a reference to itself", "${{ tasks.b.result }}", "reference.self"),
    ("a reference to an unknown input", "${{ inputs.y }}", "reference.unknown_input"),
    ("a reference that is not closed", "a ${{ inputs.x", "reference.malformed"),
    ("a reference closed by one brace", "${{ inputs.x }", "reference.malformed"),
    ("a reference to nothing", "${{ }}", "reference.malformed"),
    ("a reference to no task", "${{ tasks }}", "reference.malformed"),
    ("a reference to no input", "${{ inputs[0] }}", "reference.malformed"),
    ("a reference to something else", "${{ secrets.x }}", "reference.malformed"),
    ("a reference to a state", "${{ tasks.a.state }}", "reference.malformed"),
    ("a reference with a bad string", '${{ inputs["\\x"] }}', "reference.malformed"),
    ("an expression", "${{ inputs.x + 1 }}", "reference.malformed"),
    ("two references in one", "${{ inputs.x inputs.x }}", "reference.malformed"),
    ("a reference of very many steps", "${{ inputs.x" + "[0]" * 100 + " }}", "reference.malformed"),
]


@pytest.mark.parametrize("bad", FILES, ids=lambda bad: bad.situation)
def test_a_bad_workflow_is_refused_with_code_path_and_remedy(bad: Bad) -> None:
    check(bad)


@pytest.mark.parametrize("situation, head, code, path", HEADS)
def test_a_bad_head_is_refused_with_code_path_and_remedy(situation: str, head: str, code: str, path: str) -> None:
    check(Bad(situation, "yaml", flow(ONE, head), code, path))


@pytest.mark.parametrize("situation, task, code, path", TASKS)
def test_a_bad_task_is_refused_with_code_path_and_remedy(situation: str, task: str, code: str, path: str) -> None:
    check(Bad(situation, "yaml", flow(f"{ONE}\n  {task}"), code, f"tasks{path}"))


@pytest.mark.parametrize("situation, text, code", REFERENCES)
def test_a_bad_reference_is_refused_with_code_path_and_remedy(situation: str, text: str, code: str) -> None:
    tasks = f"{ONE}\n  b: {{agent_type: c, context: {{v: [1, '{text}']}}}}"
    check(Bad(situation, "yaml", flow(tasks, "inputs: {x: 1}"), code, "tasks.b.context.v[1]"))


def test_a_circle_by_reference_is_named() -> None:
    tasks = "  a: {agent_type: c, needs: [b]}\n  b: {agent_type: c, context: {x: '${{ tasks.a.result }}'}}"
    problem = problems_of(flow(tasks), "yaml")[0]
    assert (problem.code, problem.path) == ("workflow.cycle", "tasks.a.needs")
    assert "a needs b needs a" in problem.message


def test_a_long_circle_is_named_in_short() -> None:
    tasks = "\n".join(f"  t{n}: {{agent_type: c, needs: [t{(n + 1) % 500}]}}" for n in range(500))
    problem = problems_of(flow(tasks), "yaml")[0]
    assert problem.code == "workflow.cycle"
    assert "500 tasks in all" in problem.message
    assert len(problem.message) < 300


def test_every_problem_of_one_document_is_told_at_once() -> None:
    text = """
    workflow: w
    inputs: {a: 1}
    extra: true
    defaults: {resources: {timeout: 1 parsec}}
    tasks:
      one: {agent_type: command, resources: {cpus: none, memory_limit: 1G}, needs: [two, tow]}
      two: {agent_typ: command, context: {x: "${{ inputs.b }} ${{ tasks.one.reslt }}", y: "${{ inputs.b }}"}}
      3d: {agent_type: command, resources: {retry_policy: {backoff: never}}}
      four: [1]
    """
    assert {(problem.code, problem.path) for problem in problems_of(text, "yaml")} == {
        ("workflow.unknown_key", "extra"),
        ("unit.bad", "defaults.resources.timeout"),
        ("type.wrong", "tasks.one.resources.cpus"),
        ("unit.bad", "tasks.one.resources.memory_limit"),
        ("needs.unknown", "tasks.one.needs[1]"),
        ("envelope.unknown_key", "tasks.two.agent_typ"),
        ("key.missing", "tasks.two.agent_type"),
        ("reference.malformed", "tasks.two.context.x"),
        ("reference.unknown_input", "tasks.two.context.y"),
        ("name.bad", 'tasks["3d"]'),
        ("value.unknown", 'tasks["3d"].resources.retry_policy.backoff'),
        ("type.wrong", "tasks.four"),
    }


@pytest.mark.parametrize(
    "text, remedy",
    [
        ("execution: {agent_type: c, resources: {memroy_limit: 1}}", "Did you mean memory_limit?"),
        ("execution: {agent_type: c, resources: {isolation: Process}}", "Did you mean process?"),
        ("execution: {agent_type: c, resources: {timeout: 5 min}}", "Did you mean 5m?"),
        ("exection: {}", "Did you mean execution?"),
        (flow("  build: {agent_type: c}\n  b: {agent_type: c, needs: [biuld]}"), "Did you mean build?"),
        (flow("  a: {agent_type: c, context: {x: '${{ input.x }}'}}"), "Did you mean inputs?"),
        (flow("  a: {agent_type: c, context: {x: '${{ inputs.paht }}'}}", "inputs: {path: 1}"), "Did you mean path?"),
    ],
)
def test_the_remedy_names_the_nearest_known_word(text: str, remedy: str) -> None:
    assert problems_of(text, "yaml")[0].remedy.startswith(remedy)


def test_of_very_many_problems_a_thousand_are_told_and_the_rest_counted() -> None:
    keys = ", ".join(f'"k{n}": 1' for n in range(5_000))
    problems = problems_of(f'{{"execution": {{"agent_type": "a", {keys}}}}}', "json")
    assert len(problems) == 1_001
    assert problems[-1].message == "there are 4000 more problems"


@pytest.mark.timeout(30)
def test_very_many_bad_edges_are_refused_in_bounded_time() -> None:
    tasks = ", ".join(f'"t{n}": {{"agent_type": "c", "needs": ["u{n}", "v{n}"]}}' for n in range(20_000))
    problems = problems_of(f'{{"workflow": "w", "tasks": {{{tasks}}}}}', "json")
    assert {problem.code for problem in problems} == {"needs.unknown", "problems.more"}
