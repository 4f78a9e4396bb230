"""Where a node's processor time went between two looks at its metrics, per transaction."""

from dataclasses import dataclass

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from cli.failure import CommandFailed

STAGE = "quorate_stage_seconds_total"
THREAD = "quorate_thread_seconds_total"
PROCESS = "process_cpu_seconds_total"
OTHER = "other"
METRICS_S_MAX = 10.0


@dataclass(frozen=True)
class Spent:
    """Processor seconds since the node began: by stage, by thread, and all."""

    stages_s: dict[str, float]
    threads_s: dict[str, float]
    whole_s: float


def spent(url: str) -> Spent:
    """What a node has spent by now. Raises CommandFailed if it does not answer."""
    try:
        answer = urllib3.request("GET", f"{url}/metrics", timeout=METRICS_S_MAX, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise CommandFailed(f"{url}/metrics does not answer: {error}") from error
    return parse_metrics(answer.data.decode())


def parse_metrics(text: str) -> Spent:
    """What a page of metrics says of processor time."""
    stages: dict[str, float] = {}
    threads: dict[str, float] = {}
    whole_s = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == STAGE:
                stages[sample.labels["stage"]] = sample.value
            elif sample.name == THREAD:
                threads[sample.labels["thread"]] = sample.value
            elif sample.name == PROCESS:
                whole_s = sample.value
    return Spent(stages, threads, whole_s)


def profile(
    before: Spent, after: Spent, transactions: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Microseconds of processor time per transaction by stage, `OTHER` for what none claims, and
    the same time by thread."""
    stages = {stage: after.stages_s[stage] - before.stages_s[stage] for stage in after.stages_s}
    stages[OTHER] = after.whole_s - before.whole_s - sum(stages.values())
    threads = {name: after.threads_s[name] - before.threads_s[name] for name in after.threads_s}
    return (
        {name: seconds / transactions * 1e6 for name, seconds in stages.items()},
        {name: seconds / transactions * 1e6 for name, seconds in threads.items()},
    )
