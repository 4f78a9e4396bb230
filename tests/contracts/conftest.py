"""Fixtures of the contract tests."""

import pytest

from tests.contracts.contract_group import Group, new_group


@pytest.fixture
def group() -> Group:
    return new_group()
