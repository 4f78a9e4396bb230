"""How long transactions took to become final, from when each was sent and which block holds it."""

from collections.abc import Mapping, Sequence

from cli.bench.job import Finality
from cli.bench.workload import Transfer


def percentile(ascending: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    assert ascending
    rank = max(1, -(-len(ascending) * round(share * 1000) // 1000))
    return ascending[rank - 1]


def finality_of(
    transfers: Sequence[Transfer],
    sent: Mapping[bytes, tuple[float, str]],
    hashes: Mapping[int, Sequence[str]],
    seen_s: Mapping[str, Mapping[int, float]],
) -> Finality:
    """`sent` is when and to which node by hash, `hashes` the blocks', `seen_s` when heads came."""
    block_of = {found: number for number, listed in hashes.items() for found in listed}
    took = []
    for transfer in transfers:
        at_s, node = sent[transfer.hash]
        took.append((seen_s[node][block_of["0x" + transfer.hash.hex()]] - at_s) * 1e3)
    took.sort()
    return Finality(percentile(took, 0.5), percentile(took, 0.95), took[-1])
