"""The load generator, a process of its own: signs first, then sends, then waits for certificates.

It says `ready` when all is signed and `final` when every node has the last certificate, and waits
for a line on its standard input each time; what it saw goes to the job's result file.
"""

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from cli.bench.finality import finality_of
from cli.bench.heads import Heads
from cli.bench.job import Job, Load
from cli.bench.sending import Sender, SendingFailed
from cli.bench.streams import StreamBroken
from cli.bench.workload import Transfer, signed_transfers

STALL_S_MAX = 60.0


class Generator:
    """One run."""

    def __init__(self, job: Job, transfers: list[Transfer], signing_s: float) -> None:
        self._job = job
        self._transfers = transfers
        self._signing_s = signing_s
        self._heads = Heads(job.urls)

    async def run(self) -> Load:
        """Send all, wait for all. Raises StreamBroken, SendingFailed."""
        await self._heads.start()
        try:
            cpu_s = time.process_time()
            sender = Sender(self._job, self._transfers, self._heads)
            await sender.run()
            last = await self._wait_final()
            cpu_s = time.process_time() - cpu_s
            # The nodes are looked at now: what is asked below is no part of the load.
            print("final", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            return await self._load(sender, last, cpu_s)
        finally:
            await self._heads.close()

    async def _wait_final(self) -> int:
        """The block that completes the load, once every node has its certificate."""
        heads, wanted = self._heads, len(self._transfers)
        while heads.final < wanted:
            await self._wait_moved()
        last = await heads.number()
        while any(heads.last(name) < last for name in self._job.urls):
            await self._wait_moved()
        return last

    async def _wait_moved(self) -> None:
        final = self._heads.final
        try:
            await self._heads.wait_moved(STALL_S_MAX)
        except TimeoutError as error:
            raise SendingFailed(
                f"{final} of {len(self._transfers)} transactions are final, and no block came "
                f"for {STALL_S_MAX:.0f} s; see the nodes' logs (--keep)"
            ) from error

    async def _load(self, sender: Sender, last: int, cpu_s: float) -> Load:
        heads, start_s = self._heads, sender.start_s
        hashes = await heads.hashes(last)
        complete = max(number for number, found in hashes.items() if found)
        ends = {name: heads.seen_s[name][complete] - start_s for name in self._job.urls}
        return Load(
            transactions=len(self._transfers),
            started_s=start_s,
            run_s=max(ends.values()),
            sending_s=sender.sending_s,
            signing_s=self._signing_s,
            generator_cpu_s=cpu_s,
            late_ms_max=sender.late_s_max * 1e3,
            resent=sender.resent,
            blocks=sum(1 for found in hashes.values() if found),
            finality=finality_of(self._transfers, sender.sent, hashes, heads.seen_s),
            last_certificate_s=ends,
            timeline=tuple((at_s - start_s, final) for at_s, final in heads.timeline),
        )


def main() -> int:
    """Run the job whose file is the only argument; 1 with a sentence if it fails."""
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    start = time.monotonic()
    transfers = list(signed_transfers(job.workload, job.chain_id))
    signing_s = time.monotonic() - start
    print("ready", flush=True)
    if not sys.stdin.readline():
        return 1
    try:
        load = asyncio.run(Generator(job, transfers, signing_s).run())
    except (StreamBroken, SendingFailed) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    Path(job.result).write_bytes(msgspec.json.encode(load))
    return 0


if __name__ == "__main__":
    sys.exit(main())
