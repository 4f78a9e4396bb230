"""Which engine a node runs on, with the crate and without it."""

import pytest

from node import engines
from node.config import ConfigurationError
from node.engines import AUTO, NATIVE, PY_EVM, engine_named, installed_engines, resolve_engine

REASON = "the crate is on holiday"


@pytest.fixture
def no_crate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "why_missing", lambda: REASON)


@pytest.fixture
def a_crate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "why_missing", lambda: None)


@pytest.mark.usefixtures("a_crate")
def test_auto_is_native_where_the_crate_is_built() -> None:
    assert installed_engines() == (NATIVE, PY_EVM)
    assert [resolve_engine(name) for name in (AUTO, NATIVE, PY_EVM)] == [NATIVE, NATIVE, PY_EVM]
    assert engines.why_not_native() is None


@pytest.mark.usefixtures("no_crate")
def test_auto_is_py_evm_elsewhere() -> None:
    assert installed_engines() == (PY_EVM,)
    assert engine_named(AUTO).name == engine_named(PY_EVM).name == PY_EVM


@pytest.mark.usefixtures("no_crate")
def test_who_asks_for_native_gets_native_or_the_way_to_it() -> None:
    with pytest.raises(ConfigurationError, match="asks for the engine 'native'") as caught:
        engine_named(NATIVE)
    for words in (REASON, "make install", 'engine = "auto"'):
        assert words in str(caught.value)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no engine 'geth'"):
        engine_named("geth")
