"""A sequence that is made when it is first asked for."""

import pickle

from ledger.deferred import Deferred


def test_it_is_made_once_and_only_when_asked():
    calls = []

    def make():
        calls.append(1)
        return [1, 2, 3]

    items = Deferred(3, make)
    assert len(items) == 3
    assert not calls
    assert (items[-1], list(items[:2]), tuple(items)) == (3, [1, 2], (1, 2, 3))
    assert items == (1, 2, 3)
    assert items != (1, 2)
    assert pickle.loads(pickle.dumps(items)) == (1, 2, 3)
    assert calls == [1]
