"""Processor time by stage: nested stages are counted once, suspended work not at all."""

import asyncio
import re
import threading
import time

import pytest

from node.metrics import Metrics
from node.stages import STAGES, Stages
from node.threads import THREADS


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_an_inner_stage_is_taken_out_of_the_outer_one():
    stages = Stages()
    with stages.measure("gossip"):
        burn(0.02)
        with stages.measure("recover"):
            burn(0.06)
    seconds = stages.seconds()
    assert 0.06 <= seconds["recover"] < 0.08
    assert 0.02 <= seconds["gossip"] < 0.04


async def test_of_a_coroutine_only_its_own_steps_count():
    stages = Stages()
    turn = asyncio.Event()

    async def work():
        burn(0.02)
        await turn.wait()
        burn(0.02)
        return "done"

    task = asyncio.create_task(stages.steps("rpc", work()))
    await asyncio.sleep(0)
    burn(0.1)  # another task's time, while the work waits
    turn.set()
    assert await task == "done"
    assert 0.04 <= stages.seconds()["rpc"] < 0.08


async def test_a_cancelled_step_reaches_the_work():
    stages = Stages()
    heard = []

    async def work():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    task = asyncio.create_task(stages.steps("rpc", work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["cancelled"]


async def test_an_error_of_the_work_comes_through():
    async def work():
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await Stages().steps("rpc", work())


def test_all_threads_count():
    stages = Stages()

    def run():
        with stages.measure("store"):
            burn(0.02)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stages.seconds()["store"] >= 0.06


def test_the_metrics_have_a_series_for_each_stage():
    metrics = Metrics()
    metrics.stages.add("execute", 1.5)
    text = metrics.exposition().decode()
    assert 'quorate_stage_seconds_total{stage="execute"} 1.5' in text
    assert text.count("quorate_stage_seconds_total{") == len(STAGES)


def test_the_metrics_tell_the_threads_apart():
    def run():
        burn(0.05)
        texts.append(Metrics().exposition().decode())

    texts: list[str] = []
    worker = threading.Thread(target=run, name="execute-equity_0")
    worker.start()
    worker.join()
    spent = dict(re.findall(r'quorate_thread_seconds_total\{thread="(\w+)"\} (\S+)', texts[0]))
    assert spent.keys() == THREADS.keys()
    assert 0.03 <= float(spent["execute"]) < 0.2
