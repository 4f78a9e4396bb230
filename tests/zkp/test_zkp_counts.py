"""What a circuit says of itself: constraints by gadget, outputs, and the `zk info` command."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import command
from zkp.backend import Backend
from zkp.builder import Builder, UnsatisfiedConstraint, gadget
from zkp.circuits import equity_v1
from zkp.expressions import Expression
from zkp.gadgets.ranges import in_bits
from zkp.groth16.setup import setup


def test_own_and_total_counts_add_up() -> None:
    circuit = equity_v1.build()
    rows = {row.gadget: row for row in circuit.gadget_counts()}
    assert sum(row.own for row in rows.values()) == len(circuit.system.constraints)
    assert rows["divide"].own == 1
    assert rows["divide"].total == 1 + (64 + 1) + 2 * (15 + 1)
    assert rows["is_less"].total == 67
    assert rows["poseidon"].calls == 4


def test_a_gadget_of_an_author_is_counted_by_its_name() -> None:
    @gadget
    def cube(builder: Builder, x: Expression, name: str) -> Expression:
        square = builder.multiply(x, x, f"{name}.square")
        return builder.multiply(square, x, name)

    builder = Builder("cubes")
    x = builder.private("x")
    for name in ("first", "second"):
        x = cube(builder, x, name)
    rows = builder.build().gadget_counts()
    assert [(row.gadget, row.calls, row.own, row.total) for row in rows] == [
        ("cube", 2, 4, 4),
        ("", 1, 0, 0),
    ]


def test_an_output_is_computed_demanded_and_comes_first() -> None:
    builder = Builder("square")
    out = builder.output("out")
    limit = builder.public("limit")
    x = builder.private("x")
    builder.expose(out, builder.multiply(x, x, "square") + limit, "expected x² + limit")
    circuit = builder.build()
    witness = circuit.assign({"x": 5, "limit": 3})
    assert circuit.publics(witness) == (28, 3)
    assert circuit.inputs == ("limit", "x")
    with pytest.raises(UnsatisfiedConstraint, match=r"expected x² \+ limit"):
        circuit.check(circuit.solve({"x": 5, "limit": 3}, {"out": 29}))


def test_an_output_without_a_value_is_our_own_mistake() -> None:
    builder = Builder("empty")
    builder.output("out")
    with pytest.raises(AssertionError, match="without a value"):
        builder.build()


def test_a_failed_constraint_names_its_signals_and_their_values() -> None:
    builder = Builder("sum")
    a, b = builder.private("a"), builder.private("b")
    builder.equal(a + b, 10, "ten", "expected a and b to make ten")
    with pytest.raises(UnsatisfiedConstraint) as caught:
        builder.build().assign({"a": 4, "b": 5})
    assert caught.value.values == {"a": 4, "b": 5}
    assert str(caught.value).endswith("got 9 with a = 4, b = 5")


def test_a_long_constraint_names_a_few_signals_only() -> None:
    builder = Builder("long")
    in_bits(builder, builder.private("x"), 60, "x")
    with pytest.raises(UnsatisfiedConstraint) as caught:
        builder.build().assign({"x": 2**60})
    assert len(caught.value.values) == 6


def test_the_command_shows_the_table_and_the_verdict() -> None:
    shown = CliRunner().invoke(command(["zk"]), ["zk", "info", "equity_v1", "--unique", "--json"])
    assert shown.exit_code == 0, shown.output
    value = json.loads(shown.output)
    assert value["constraints"] == 2646
    assert value["public"] == ["c_tax", "c_reg", "rule", "ctx"]
    assert value["unique"]["answer"] == "unique"
    assert {"gadget": "nonzero", "calls": 1, "own": 1, "total": 1} in value["gadgets"]
    people = CliRunner().invoke(command(["zk"]), ["zk", "info", "equity_v1"])
    assert "poseidon" in people.output


def test_a_circuit_with_an_output_is_proven_on_both_backends(backend: Backend) -> None:
    builder = Builder("square")
    out, limit = builder.output("out"), builder.public("limit")
    x = builder.private("x")
    builder.expose(out, builder.multiply(x, x, "square") + limit, "expected x² + limit")
    circuit = builder.build()
    key = setup(circuit.system)
    proof, publics = backend.prove(key, circuit.assign({"x": 5, "limit": 3}))
    assert publics == (28, 3)
    assert backend.verify(key.verifying, proof, publics)
    assert not backend.verify(key.verifying, proof, (29, 3))
