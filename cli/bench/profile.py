"""Where a node's processor time went between two looks at its metrics, per transaction."""

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from cli.failure import CommandFailed

STAGE = "quorate_stage_seconds_total"
CPU = "process_cpu_seconds_total"
OTHER = "other"
METRICS_S_MAX = 10.0


class Spent(dict[str, float]):
    """Processor seconds by stage since the node began, with `OTHER` for the rest."""


def spent(url: str) -> Spent:
    """What a node has spent by now. Raises CommandFailed if it does not answer."""
    try:
        answer = urllib3.request("GET", f"{url}/metrics", timeout=METRICS_S_MAX, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise CommandFailed(f"{url}/metrics does not answer: {error}") from error
    stages: dict[str, float] = {}
    process_s = 0.0
    for family in text_string_to_metric_families(answer.data.decode()):
        for sample in family.samples:
            if sample.name == STAGE:
                stages[sample.labels["stage"]] = sample.value
            elif sample.name == CPU:
                process_s = sample.value
    return Spent({**stages, OTHER: process_s - sum(stages.values())})


def profile(before: Spent, after: Spent, transactions: int) -> dict[str, float]:
    """Microseconds of processor time per transaction by stage."""
    return {stage: (after[stage] - before[stage]) / transactions * 1e6 for stage in after}
