"""`quorate member`: each organisation's part over the files that are carried around."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from cli.member.files import load_organisation_signer
from cli.member.publication import load_trust
from ledger.suite import STANDARD
from node import tls_renewal
from node.config import ListenConfig, NodeConfig, NodeFolder, RpcConfig, save_node_config
from node.membership import Organisation, draft, load_membership
from node.p2p.trust import RefusedPeer
from node.pki import NodeIdentity, OrganisationCA, decode_certificate
from node.revocations import load_revocations
from node.tls_renewal import load_identity, waiting_key
from tests.cli.member_command import APP, run

NAMES = ("audit", "data", "market", "tax")


class Offices:
    """Four organisations, each with its CA, its key, and the folder of one node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in NAMES:
            run("create", self.home(name), "--org", name)
        document = draft(
            "test",
            1,
            3,
            [
                Organisation(
                    name,
                    load_organisation_signer(self.home(name)).address,
                    (OrganisationCA.load(self.home(name)).certificate,),
                )
                for name in NAMES
            ],
            {f"{name}/{name}-1": "127.0.0.1:1" for name in NAMES},
        ).signed(STANDARD, *(load_organisation_signer(self.home(name)) for name in NAMES))
        for name in NAMES:
            node = self.node(name)
            save_node_config(
                NodeConfig(
                    f"{name}-1", name, ListenConfig("127.0.0.1:0"), RpcConfig("127.0.0.1:0")
                ),
                node,
            )
            document.save(node.membership)
            self.certify(name)

    def home(self, name: str) -> Path:
        return self.folder / "offices" / name

    def node(self, name: str) -> NodeFolder:
        return NodeFolder(self.folder / "nodes" / name)

    def certify(self, name: str, *options: str) -> dict[str, Any]:
        """Request, issue, install."""
        request, issued = self.folder / f"{name}.csr", self.folder / f"{name}.crt"
        run("request", self.node(name).path, "--out", request, *options)
        run("issue", self.home(name), request, "--out", issued)
        return run("install", self.node(name).path, issued)

    def identity(self, name: str) -> NodeIdentity:
        node = self.node(name)
        return NodeIdentity.load(node.tls_certificate, node.tls_key)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four offices, made once."""
    folder = tmp_path_factory.mktemp("founded")
    Offices(folder)
    return folder


@pytest.fixture
def offices(founded: Path, tmp_path: Path) -> Offices:
    made = Offices.__new__(Offices)
    made.folder = tmp_path / "copy"
    shutil.copytree(founded, made.folder)
    return made


def test_create_makes_a_ca_and_a_key_for_their_owner_alone(tmp_path: Path) -> None:
    made = run("create", tmp_path / "tax", "--org", "tax")
    for name in ("ca.key", "organisation.key"):
        assert (tmp_path / "tax" / name).stat().st_mode & 0o777 == 0o600
    shown = run("show", tmp_path / "tax")
    assert shown["organisation"] == "tax"
    assert shown["key"] == made["key"]
    assert shown["serial"] == made["serial"]
    assert shown["days_left"] in (3649, 3650)
    key = (tmp_path / "tax" / "ca.key").read_bytes()
    with pytest.raises(Exception, match="overwritten is lost"):
        run("create", tmp_path / "tax", "--org", "tax")
    assert (tmp_path / "tax" / "ca.key").read_bytes() == key
    with pytest.raises(Exception, match="organisation name"):
        run("create", tmp_path / "other", "--org", "Tax Bureau")


def test_a_certificate_is_renewed_with_the_same_key(offices: Offices) -> None:
    before = offices.identity("tax")
    done = offices.certify("tax")
    after = offices.identity("tax")
    assert after.certificate.public_key() == before.certificate.public_key()
    assert done["serial"] == f"{after.certificate.serial_number:x}" != before.certificate
    assert done["told"] is None
    assert done["days_left"] in (364, 365)


def test_a_new_key_waits_until_its_certificate_comes_and_then_replaces_the_old(
    offices: Offices,
) -> None:
    node, before = offices.node("tax"), offices.identity("tax")
    request = offices.folder / "tax.csr"
    run("request", node.path, "--new-key", "--out", request)
    waiting = waiting_key(node).read_bytes()
    assert waiting_key(node).stat().st_mode & 0o777 == 0o600
    run("request", node.path, "--new-key", "--out", request)
    assert waiting_key(node).read_bytes() == waiting, "its request may be at the CA already"
    assert offices.identity("tax") == before
    assert run("show", node.path)["new_key_waits"]
    assert run("show", request) == {"kind": "request", "node": "tax/tax-1"}
    issued = offices.folder / "tax.crt"
    run("issue", offices.home("tax"), request, "--out", issued, "--days", "90")
    run("install", node.path, issued)
    assert node.tls_key.read_bytes() == waiting
    assert not waiting_key(node).exists()
    shown = run("show", node.path)
    assert shown["days_left"] in (89, 90)
    assert shown["refused"] is None
    assert not shown["new_key_waits"]


def test_an_installation_cut_between_its_two_files_is_finished_by_whoever_loads_them(
    offices: Offices,
) -> None:
    node = offices.node("tax")
    old_certificate = node.tls_certificate.read_bytes()
    offices.certify("tax", "--new-key")
    new_certificate = node.tls_certificate.read_bytes()
    # As a power cut leaves it: the key was renamed, the certificate was not yet.
    staged = node.tls / "node.crt.new"
    staged.write_bytes(new_certificate)
    node.tls_certificate.write_bytes(old_certificate)
    assert load_identity(node).certificate_path.read_bytes() == new_certificate
    assert not staged.exists()
    # A foreign pair is not taken for one.
    node.tls_certificate.write_bytes(old_certificate)
    shutil.copy(offices.node("data").tls_certificate, staged)
    with pytest.raises(ValueError, match="another key"):
        load_identity(node)


@pytest.mark.parametrize("step", ["write_whole", "rehearse", "replace_synced", "second"])
def test_a_cut_at_any_step_leaves_a_whole_pair_old_or_new(
    offices: Offices, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    node, before = offices.node("tax"), offices.identity("tax").certificate
    request, issued = offices.folder / "tax.csr", offices.folder / "tax.crt"
    run("request", node.path, "--new-key", "--out", request)
    run("issue", offices.home("tax"), request, "--out", issued)
    new = decode_certificate(issued.read_bytes())
    name = "replace_synced" if step == "second" else step
    real, calls = getattr(tls_renewal, name), []

    def cut(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == (2 if step == "second" else 1):
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(tls_renewal, name, cut)
    with pytest.raises(KeyboardInterrupt):
        tls_renewal.install_certificate(
            node, "tax/tax-1", issued.read_bytes(), load_trust(node), datetime.now(UTC)
        )
    monkeypatch.undo()
    assert load_identity(node).certificate == (new if step == "second" else before)
    # The same again ends where it should.
    run("install", node.path, issued)
    assert load_identity(node).certificate == new


def test_install_refuses_what_peers_would_refuse_and_changes_nothing(offices: Offices) -> None:
    node, before = offices.node("tax"), offices.identity("tax")
    request, issued = offices.folder / "a.csr", offices.folder / "a.crt"
    run("request", node.path, "--new-key", "--out", request)
    with pytest.raises(ValueError, match="ask that organisation's CA"):
        run("issue", offices.home("data"), request, "--out", issued)
    with pytest.raises(ValueError, match=r"expected 1 to 36\d\d days"):
        run("issue", offices.home("tax"), request, "--out", issued, "--days", "4000")
    # A CA of the right name that is not in the membership document.
    run("create", offices.folder / "rogue", "--org", "tax")
    run("issue", offices.folder / "rogue", request, "--out", issued)
    with pytest.raises(RefusedPeer, match="somebody claims another's node"):
        run("install", node.path, issued)
    with pytest.raises(ValueError, match="another key"):
        run("install", node.path, offices.folder / "data.crt")
    with pytest.raises(ValueError, match="PEM certificate"):
        run("install", node.path, request)
    authority = OrganisationCA.load(offices.home("tax"))
    past = datetime.now(UTC) - timedelta(days=400)
    old = authority.issue_for_request(request.read_bytes(), past)
    issued.write_bytes(old.public_bytes(Encoding.PEM))
    with pytest.raises(RefusedPeer, match="expired"):
        run("install", node.path, issued)
    assert offices.identity("tax") == before
    assert waiting_key(node).is_file()
    assert not (node.tls / "node.crt.new").exists()


def test_a_revocation_is_published_verified_and_shown(offices: Offices) -> None:
    victim = offices.identity("market")
    crl, node = offices.folder / "market.crl", offices.node("tax")
    serial = f"{victim.certificate.serial_number:x}"
    done = run(
        "revoke", offices.home("market"), "--certificate", victim.certificate_path, "--out", crl
    )
    assert (done["serial"], done["number"], done["revoked"]) == (serial, 1, 1)
    again = run("revoke", offices.home("market"), "--serial", serial.upper(), "--out", crl)
    assert again["number"] == 1, "what is revoked already makes no new list"
    assert run("show", crl)["revoked"] == [serial]
    published = run("publish", node.path, crl)
    assert published["changes"] == [f"certificate {serial} of market is revoked"]
    assert run("publish", node.path, crl)["changes"] == []
    held = load_revocations(node.revocations, load_membership(node.membership, STANDARD))
    assert [h.organisation for h in held.held.values()] == ["market"]
    assert run("show", node.path)["revocations"] == [
        {"organisation": "market", "list": 1, "revoked": 1}
    ]
    # On the victim's own machine its certificate is seen for what it is.
    run("publish", offices.node("market").path, crl)
    assert "revoked" in run("show", offices.node("market").path)["refused"]
    assert offices.certify("market", "--new-key")["node"] == "market/market-1"


def test_revoke_and_publish_refuse_what_is_not_theirs(offices: Offices) -> None:
    crl, home = offices.folder / "a.crl", offices.home("market")
    for arguments, words in (
        (("--certificate", offices.identity("tax").certificate_path), "this CA of market"),
        (("--serial", "xyz"), "serial number in hex"),
        (("--serial", "0"), "serial number in hex"),
    ):
        with pytest.raises(Exception, match=words):
            run("revoke", home, *arguments, "--out", crl)
    run("create", offices.folder / "rogue", "--org", "market")
    run("revoke", offices.folder / "rogue", "--serial", "5", "--out", crl)
    with pytest.raises(Exception, match="another CA's"):
        run("publish", offices.node("tax").path, crl)
    forger = OrganisationCA(
        "market",
        OrganisationCA.load(home).certificate,
        OrganisationCA.load(offices.home("data"))._key,
    )
    forger.revoke([5])
    crl.write_bytes(forger.crl(datetime.now(UTC)))
    with pytest.raises(ValueError, match="another signer"):
        run("publish", offices.node("tax").path, crl)
    crl.write_bytes(crl.read_bytes()[:200])
    with pytest.raises(ValueError, match="expected a PEM revocation list"):
        run("publish", offices.node("tax").path, crl)
    with pytest.raises(Exception, match="member install"):
        run("publish", offices.node("tax").path, offices.folder / "tax.crt")
    assert not offices.node("tax").revocations.exists()


def test_an_organisation_joins_by_a_version_that_the_threshold_signed(offices: Offices) -> None:
    land, draft_file = offices.home("land"), offices.folder / "draft.json"
    made = run("create", land, "--org", "land")
    node = offices.node("tax")
    done = run(
        "change", node.path, "--out", draft_file, "--add-organisation", "land", "--key",
        made["key"], "--ca", land / "ca.crt", "--add-node", "land/land-1=10.0.0.9:18540",
    )  # fmt: skip
    assert done["changes"] == [
        f"organisation land joins with the key {made['key']}",
        "node land/land-1 joins at 10.0.0.9:18540",
    ]
    assert (done["version"], done["threshold"], done["missing"]) == (2, 3, 3)
    assert "version 1's organisations (audit, data, market, tax)" in done["sentence"]
    moved = run("change", node.path, "--out", draft_file.with_name("moved.json"), "--add-node",
                "tax/tax-1=10.0.0.1:1")  # fmt: skip
    assert moved["sentence"].count("organisations") == 1
    with pytest.raises(ValueError, match="have the others sign"):
        run("publish", node.path, draft_file)
    run("sign", draft_file, "--key", offices.home("tax") / "organisation.key")
    copy = offices.folder / "copy.json"
    shutil.copy(draft_file, copy)
    run("sign", copy, "--key", offices.home("data"))
    # The newcomer's signature gives nobody a right that the present members did not give.
    joined = run("sign", draft_file, "--key", land, "--with", copy, "--against", node.path)
    assert (joined["signed"], joined["missing"]) == (["data", "land", "tax"], 1)
    assert "1 more of version 1's organisations (audit, market)" in joined["sentence"]
    with pytest.raises(ValueError, match="of 3 organisations of version 1"):
        run("publish", node.path, draft_file)
    run("sign", draft_file, "--key", offices.home("audit"))
    shown = run("show", draft_file, "--against", node.path)
    assert shown["missing"] == 0
    assert [o["name"] for o in shown["organisations"] if not o["signed"]] == ["market"]
    assert run("publish", node.path, draft_file)["version"] == 2
    assert run("publish", node.path, draft_file)["changes"] == []
    assert "land" in load_membership(node.membership, STANDARD).organisations


def test_an_organisation_leaves_with_its_nodes_and_the_threshold_follows(offices: Offices) -> None:
    draft_file, node = offices.folder / "draft.json", offices.node("tax")
    done = run(
        "change", node.path, "--out", draft_file, "--remove-organisation", "audit",
        "--remove-organisation", "data",
    )  # fmt: skip
    assert done["changes"] == [
        "threshold 3 becomes 2",
        "organisation audit leaves",
        "organisation data leaves",
        "node audit/audit-1 leaves",
        "node data/data-1 leaves",
    ]
    with pytest.raises(Exception, match="signs with --against"):
        run("sign", draft_file, "--key", offices.home("audit"))
    for name in ("audit", "tax"):
        run("sign", draft_file, "--key", offices.home(name), "--against", node.path)
    with pytest.raises(ValueError, match="of 3 organisations of version 1"):
        run("publish", node.path, draft_file)
    run("sign", draft_file, "--key", offices.home("market"))
    run("publish", node.path, draft_file)
    assert sorted(load_membership(node.membership, STANDARD).nodes) == [
        "market/market-1", "tax/tax-1",
    ]  # fmt: skip


def test_a_ca_is_renewed_while_certificates_of_the_old_one_stay_good(offices: Offices) -> None:
    node, draft_file = offices.node("tax"), offices.folder / "draft.json"
    new_home = offices.folder / "offices" / "tax-2027"
    run("create", new_home, "--org", "tax")

    def agree(*options: str | Path) -> None:
        run("change", node.path, "--out", draft_file, *options)
        for name in NAMES[1:]:
            run("sign", draft_file, "--key", offices.home(name))
        run("publish", node.path, draft_file)

    agree("--renew-ca", f"tax={new_home / 'ca.crt'}")
    assert run("show", node.path)["refused"] is None
    old_home = offices.home("tax")
    offices.home = lambda name: new_home if name == "tax" else offices.folder / "offices" / name
    offices.certify("tax")
    offices.home = lambda name: offices.folder / "offices" / name
    agree("--retire-ca", f"tax={old_home / 'ca.crt'}")
    assert run("show", node.path)["refused"] is None
    with pytest.raises(ValueError, match="its only one"):
        run("change", node.path, "--out", draft_file, "--retire-ca", f"tax={new_home / 'ca.crt'}")
    stale = offices.folder / "tax.crl"
    run("revoke", old_home, "--serial", "7", "--out", stale)
    with pytest.raises(Exception, match="another CA's"):
        run("publish", node.path, stale)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--remove-organisation", "land"), "choose one of audit, data, market, tax"),
        (("--remove-node", "tax/tax-9"), "choose one of audit/audit-1"),
        (("--add-node", "land/land-1=10.0.0.1:1"), "member organisations"),
        (("--add-node", "tax/tax-2=10.0.0.1"), "host:port"),
        (("--threshold", "2"), "above half of 4"),
        (("--threshold", "5"), "above half of 4"),
        (("--threshold", "3"), "expected a change"),
        (("--renew-key", "tax=0x12"), "--renew-key: .*0x12"),
    ],
)
def test_a_change_that_cannot_be_is_a_sentence(
    offices: Offices, options: tuple[str, ...], words: str
) -> None:
    with pytest.raises((ValueError, CommandFailed), match=words):
        run("change", offices.node("tax").path, "--out", offices.folder / "draft.json", *options)


def test_show_knows_each_kind_and_says_so_for_people(offices: Offices) -> None:
    for path, kind in (
        (offices.home("tax"), "authority"),
        (offices.node("tax").path, "node"),
        (offices.folder / "tax.crt", "certificate"),
        (offices.folder / "tax.csr", "request"),
        (offices.home("tax") / "ca.crl", "revocations"),
        (offices.node("tax").membership, "membership"),
    ):
        assert run("show", path)["kind"] == kind
        done = CliRunner().invoke(APP, ["member", "show", str(path)])
        assert done.exit_code == 0, done
        assert "tax" in done.stdout
    other = offices.folder / "other"
    other.write_bytes(b"something")
    for path in (other, offices.folder, offices.folder / "nowhere"):
        with pytest.raises(Exception, match=r"expected .*(; name)"):
            run("show", path)


def doctor_says(offices: Offices, name: str, what: str) -> list[tuple[bool, str, str]]:
    """The doctor's findings of a node that is down, by what they are about."""
    folder = str(offices.node(name).path)
    done = CliRunner().invoke(command(["doctor"]), ["doctor", folder, "--json"])
    found = json.loads(done.stdout)["findings"]
    return [(f["well"], f["seen"], f["remedy"]) for f in found if f["what"] == what]


def test_the_doctor_names_a_certificate_that_runs_out_or_was_revoked(offices: Offices) -> None:
    [(well, seen, _)] = doctor_says(offices, "tax", "certificate")
    assert well, seen
    request, issued = offices.folder / "tax.csr", offices.folder / "tax.crt"
    run("issue", offices.home("tax"), request, "--out", issued, "--days", "20")
    run("install", offices.node("tax").path, issued)
    [(well, seen, remedy)] = doctor_says(offices, "tax", "certificate")
    assert (well, "member request" in remedy) == (False, True)
    assert re.fullmatch("expected 30 days or more, found (19|20) days left", seen)
    crl = offices.folder / "tax.crl"
    run("revoke", offices.home("tax"), "--certificate", issued, "--out", crl)
    run("publish", offices.node("tax").path, crl)
    [(well, seen, remedy)] = doctor_says(offices, "tax", "certificate")
    assert (well, "'tax' revoked" in seen, "--new-key" in remedy) == (False, True, True)


def test_the_doctor_names_a_ca_that_runs_out(offices: Offices) -> None:
    old = datetime.now(UTC) - timedelta(days=3600)
    authority = OrganisationCA.create("audit", old)
    node, draft_file = offices.node("tax"), offices.folder / "draft.json"
    present = load_membership(node.membership, STANDARD)
    audit = replace(present.organisations["audit"], ca_certificates=(authority.certificate,))
    changed = replace(
        present, version=2, organisations={**present.organisations, "audit": audit}, signatures=()
    )
    changed.save(draft_file)
    for name in ("data", "market", "tax"):
        run("sign", draft_file, "--key", offices.home(name))
    run("publish", node.path, draft_file)
    [(well, seen, remedy)] = doctor_says(offices, "tax", "CA of audit")
    assert not well
    assert re.fullmatch("expected 90 days or more, found (49|50) days left", seen)
    assert "change --renew-ca audit=FILE" in remedy
    assert doctor_says(offices, "tax", "CA of data") == []
