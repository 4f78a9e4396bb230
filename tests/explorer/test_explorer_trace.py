"""`trace`: every step of an item, whichever of its ids is asked for."""

import pytest
from rich.console import Console

from explorer import InvalidId, NotFound, Source, render_trace, trace
from ledger.values import keccak, to_hex
from tests.explorer.equity_scene import (
    AGREEMENT,
    ATTESTATION,
    ENVELOPE,
    OTHER_TRANSFER,
    TRANSFER,
    LyingClient,
    Scene,
)

AGREED = ["AgreementProposed", "AgreementSigned", "AgreementSigned", "AgreementActive"]
WHOLE = [
    *AGREED,
    "Attested",
    "Superseded",
    "Attested",
    "Countersigned",
    "Applied",
    "Verified",
    "Registered",
    "EnvelopeSent",
    "EnvelopeAccepted",
]


@pytest.fixture
def source(scene: Scene) -> Source:
    return Source(scene.served.client(), scene.served.genesis)


@pytest.mark.parametrize(
    "identifier",
    [TRANSFER.hex(), to_hex(TRANSFER), to_hex(ENVELOPE), TRANSFER.hex().upper()],
)
def test_a_transfer_is_told_whole(source: Source, identifier: str) -> None:
    found = trace(source, identifier)
    assert [step.step for step in found.steps] == WHOLE
    assert found.verified
    assert all(step.verified for step in found.steps)


def test_each_step_says_who_when_and_where(scene: Scene, source: Source) -> None:
    found = trace(source, TRANSFER.hex())
    steps = {step.step: step for step in found.steps}
    applied = steps["Applied"]
    assert applied.sender.organisation == "market"
    assert applied.receiver == "tax"
    assert applied.data_type == "application"
    assert applied.transaction == scene.sent["apply"]
    assert applied.group == "main"
    assert applied.contract == to_hex(scene.contract)
    assert applied.details["commitment"] == 9
    block = scene.served.group.chain.record(applied.block)
    assert applied.time_ms == block.timestamp_ms
    assert applied.proposer.address == to_hex(block.proposer)
    assert applied.proposer.node is not None
    assert len({signer.node for signer in applied.signers}) == 3
    assert steps["Verified"].sender.organisation == "data"
    assert steps["EnvelopeAccepted"].receiver == "market"
    assert [step.block for step in found.steps] == sorted(step.block for step in found.steps)
    assert to_hex(ATTESTATION) in found.related
    assert to_hex(AGREEMENT) in found.related


def test_a_transaction_leads_to_its_item(scene: Scene, source: Source) -> None:
    found = trace(source, scene.sent["confirm"])
    assert [step.step for step in found.steps] == WHOLE


def test_an_attestation_shows_all_that_named_it(source: Source) -> None:
    steps = [step.step for step in trace(source, ATTESTATION.hex()).steps]
    assert steps.count("Applied") == 2
    assert "Alarm" in steps


def test_a_refused_attempt_is_told_with_its_code(source: Source) -> None:
    alarm = next(s for s in trace(source, OTHER_TRANSFER.hex()).steps if s.step == "Alarm")
    assert alarm.details["code"] == "E_USED"
    assert "Registered" not in [s.step for s in trace(source, OTHER_TRANSFER.hex()).steps]


def test_an_agreement_is_traced_by_itself(source: Source) -> None:
    assert [step.step for step in trace(source, to_hex(AGREEMENT)).steps] == AGREED


def test_without_a_genesis_file_nothing_counts_as_verified(scene: Scene) -> None:
    found = trace(Source(scene.served.client()), TRANSFER.hex())
    assert [step.step for step in found.steps] == WHOLE
    assert not any(step.verified for step in found.steps)
    assert found.steps[0].proposer.node is not None
    assert found.group == "main"
    assert {step.sender.organisation for step in found.steps} == {"tax", "market", "data"}


def test_an_invented_event_is_marked(scene: Scene, lying: LyingClient) -> None:
    def lie(logs: list[dict[str, str]]) -> list[dict[str, str]]:
        for log in logs:
            if log["transactionHash"] == scene.sent["confirm"]:
                log["topics"][3] = "0x" + "00" * 12 + "77" * 20  # type: ignore[index]
        return logs

    lying.lies["eth_getLogs"] = lie
    found = trace(Source(lying, scene.served.genesis), TRANSFER.hex())
    doubtful = [step.step for step in found.steps if not step.verified]
    assert doubtful == ["Registered"]
    assert not found.verified


def test_what_is_unknown_or_no_id_is_said(source: Source) -> None:
    for unknown in ("cc" * 16, to_hex(keccak(b"nothing"))):
        with pytest.raises(NotFound, match="nothing on this chain names"):
            trace(source, unknown)
    for text in ("", "0x", "hello", "a1" * 15, "zz" * 16):
        with pytest.raises(InvalidId, match="expected 32 hex digits"):
            trace(source, text)


@pytest.mark.parametrize(("lang", "words"), [("zh", "变更登记"), ("en", "registered")])
def test_a_trace_is_shown_in_both_languages(source: Source, lang: str, words: str) -> None:
    console = Console(width=400, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    found = trace(source, TRANSFER.hex())
    console.print(render_trace(found, lang, source.organisation_labels(lang)))
    text = console.export_text()
    assert words in text
    assert ("市场监管局" in text) == (lang == "zh")
    assert "+08" not in text
