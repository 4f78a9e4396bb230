"""Both groups on plain integers, against py_ecc's readable ones."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import bn128 as reference

from tests.zkp.refusals import outside_the_subgroup
from zkp.backend import Backend
from zkp.curve.fixed_base import multiples
from zkp.curve.g1 import G1, P
from zkp.curve.g2 import G2, TWIST_B
from zkp.curve.group import Group
from zkp.curve.msm import sum_lists
from zkp.field import R

AnyGroup = Group[Any]
GROUPS = [pytest.param(G1, reference.G1, id="G1"), pytest.param(G2, reference.G2, id="G2")]
edge = st.sampled_from([0, 1, 2, 3, R - 2, R - 1, 2**128, 2**253, 255, 256])
scalars = st.one_of(edge, st.integers(0, R - 1))


def plain(point: Any) -> Any:
    """py_ecc's point as tuples of integers."""
    if point is None:
        return None
    return tuple(
        tuple(int(c) for c in coordinate.coeffs)
        if hasattr(coordinate, "coeffs")
        else int(coordinate)
        for coordinate in point
    )


@pytest.mark.parametrize(("group", "generator"), GROUPS)
@settings(max_examples=6, deadline=None)
@given(a=scalars, b=scalars)
def test_sums_and_multiples_equal_the_reference(
    group: AnyGroup, generator: Any, a: int, b: int
) -> None:
    left, right = (group.multiply(group.generator, scalar) for scalar in (a, b))
    assert left == plain(reference.multiply(generator, a) if a else None)
    assert group.add(left, right) == plain(
        reference.multiply(generator, (a + b) % R) if (a + b) % R else None
    )


@pytest.mark.parametrize(("group", "generator"), GROUPS)
def test_equal_opposite_and_absent_points(group: AnyGroup, generator: Any) -> None:
    point = group.multiply(group.generator, 5)
    opposite = group.negate(point)
    assert group.add(point, point) == group.multiply(group.generator, 10)
    assert group.add(point, opposite) is None
    assert group.add(None, point) == group.add(point, None) == point
    assert group.add(None, None) is None
    assert group.multiply(point, R) is None
    assert group.multiply(point, -1) == opposite
    assert group.multiply(None, 7) is None
    pairs = [(point, point), (point, opposite), (point, group.generator)]
    six = group.multiply(group.generator, 6)
    assert group.add_all(pairs) == [group.multiply(group.generator, 10), None, six]


@pytest.mark.parametrize(("group", "generator"), GROUPS)
@settings(max_examples=15, deadline=None)
@given(
    logs=st.lists(st.one_of(st.none(), scalars.filter(bool)), min_size=0, max_size=60),
    data=st.data(),
)
def test_the_sum_of_many_multiples(
    backend: Backend,
    group: AnyGroup,
    generator: Any,
    logs: Sequence[int | None],
    data: st.DataObject,
) -> None:
    factors = data.draw(st.lists(scalars, min_size=len(logs), max_size=len(logs)))
    # The fixed-base table is the judge here; it is compared with the reference below.
    points = multiples(group, group.generator, [log or 0 for log in logs])
    total = sum((log or 0) * factor for log, factor in zip(logs, factors, strict=True)) % R
    expected = multiples(group, group.generator, [total])[0]
    assert backend.multi_scalar_multiply(group, points, factors) == expected


@pytest.mark.parametrize(("group", "generator"), GROUPS)
def test_a_long_sum_with_repeated_and_opposite_points(
    backend: Backend, group: AnyGroup, generator: Any
) -> None:
    chance = random.Random(1)
    logs = [chance.choice([1, 2, R - 1, R - 2, chance.randrange(R)]) for _ in range(300)]
    factors = [chance.choice([1, 7, R - 7, chance.randrange(R)]) for _ in logs]
    points = multiples(group, group.generator, logs)
    total = sum(log * factor for log, factor in zip(logs, factors, strict=True)) % R
    expected = plain(reference.multiply(generator, total))
    assert backend.multi_scalar_multiply(group, points, factors) == expected


@pytest.mark.parametrize(("group", "generator"), GROUPS)
def test_fixed_base_multiples_equal_the_reference(group: AnyGroup, generator: Any) -> None:
    factors = [0, 1, 2, 255, 256, 2**248, R - 1, 0x123456789ABCDEF << 100]
    base = group.multiply(group.generator, 3)
    points = multiples(group, base, factors)
    for factor, point in zip(factors, points, strict=True):
        assert point == plain(reference.multiply(generator, 3 * factor % R) if factor else None)


def test_lists_are_summed_and_left_alone() -> None:
    g = G1.generator
    two, three = G1.multiply(g, 2), G1.multiply(g, 3)
    assert two is not None
    assert three is not None
    lists = [[g, two, three], [], [g], [g, G1.negate(g)]]
    kept = [list(row) for row in lists]
    assert sum_lists(G1, lists) == [G1.multiply(g, 6), None, g, None]
    assert lists == kept


def test_points_off_the_curve() -> None:
    assert G1.is_on_curve((1, 2))
    for point in ((1, 3), (1 + P, 2), (1, 2 - P), (0, 0)):
        assert not G1.is_on_curve(point)
    (x, (y0, y1)) = G2.generator
    assert G2.is_on_curve(G2.generator)
    assert not G2.is_on_curve((x, (y1, y0)))
    assert not G2.is_on_curve((x, (y0 + P, y1)))
    assert plain((reference.b2,))[0] == TWIST_B


def test_a_point_of_the_twist_may_lie_outside_the_subgroup() -> None:
    assert G2.is_in_subgroup(G2.generator)
    outside = outside_the_subgroup()
    assert G2.is_on_curve(outside)
    assert not G2.is_in_subgroup(outside)


@pytest.mark.parametrize("group", [G1, G2])
def test_many_sums_over_one_row(group: AnyGroup, backend: Backend) -> None:
    """Lists that are empty, short and long, with identities, opposites and the same point twice."""
    draw = random.Random(5)
    factors = [1, 2, R - 1, R - 2, R // 2, R // 2 + 1, *(draw.randrange(1, R) for _ in range(6))]
    lists = [[], [(0, 1)], [(1, 1), (1, R - 1)], [(9, 5)], [(2, 3), (9, 4), (2, 3)]]
    lists.append([(draw.randrange(10), draw.choice(factors)) for _ in range(40)])
    lists.append([(place % 10, factor) for place, factor in enumerate(factors)])
    # The last point is the identity.
    multiples_of_one = [*range(1, 10), 0]
    points = [group.multiply(group.generator, scalar) for scalar in multiples_of_one]
    sums = [sum(multiples_of_one[place] * factor for place, factor in row) for row in lists]
    expected = [group.multiply(group.generator, total % R) for total in sums]
    assert backend.combine(group, points, lists) == expected
