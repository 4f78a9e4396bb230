"""A CA that an operator already has, made and used with openssl: it works as ours do."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.member.files import load_organisation_signer
from ledger.suite import STANDARD
from node.config import ListenConfig, NodeConfig, NodeFolder, RpcConfig, save_node_config
from node.membership import InvalidMembership, Organisation, draft
from node.p2p.trust import RefusedPeer
from node.pki import decode_certificate
from tests.cli.member_command import run

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command here")

STRICT = "keyUsage=critical,keyCertSign,cRLSign"
LEAF = """\
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=URI:quorate:tax/tax-1
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""
CA_CONFIG = """\
[ca]
default_ca=ours
[ours]
dir={folder}
database={folder}/index.txt
serial={folder}/serial
crlnumber={folder}/crlnumber
new_certs_dir={folder}
default_md=sha256
default_days=365
default_crl_days=30
certificate={folder}/issuing.crt
private_key={folder}/issuing.key
policy=any
unique_subject=no
crl_extensions=crl
[any]
commonName=optional
[crl]
authorityKeyIdentifier=keyid
"""


class Ministry:
    """A root and an issuing CA below it, in openssl's files; the network lists the issuing one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "index.txt").touch()
        (folder / "serial").write_text("1000\n")
        (folder / "crlnumber").write_text("07\n")
        (folder / "ca.cnf").write_text(CA_CONFIG.format(folder=folder))
        self.root("root", "/O=Ministry/CN=Root", STRICT)
        self.openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "issuing.key", "-out", "issuing.csr", "-subj", "/O=Tax Bureau/CN=Issuing",
        )  # fmt: skip
        (folder / "issuing.key").chmod(0o600)
        (folder / "issuing.ext").write_text(
            f"basicConstraints=critical,CA:TRUE,pathlen:0\n{STRICT}\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        self.openssl(
            "x509", "-req", "-in", "issuing.csr", "-CA", "root.crt", "-CAkey", "root.key",
            "-extfile", "issuing.ext", "-days", "1000", "-out", "issuing.crt", "-CAcreateserial",
        )  # fmt: skip

    def openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def root(self, name: str, subject: str, *extensions: str, curve: str = "P-256") -> Path:
        added = [word for extension in extensions for word in ("-addext", extension)]
        self.openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", subject, *added,
        )  # fmt: skip
        return self.folder / f"{name}.crt"

    def sign(self, request: Path, out: Path) -> None:
        (self.folder / "leaf.ext").write_text(LEAF)
        self.openssl(
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-extfile", "leaf.ext",
            "-in", str(request), "-out", str(out),
        )  # fmt: skip

    def revocations(self, certificate: Path, out: Path) -> None:
        self.openssl("ca", "-config", "ca.cnf", "-revoke", str(certificate))
        self.openssl("ca", "-config", "ca.cnf", "-gencrl", "-out", str(out))


@pytest.fixture
def ministry(tmp_path: Path) -> Ministry:
    (tmp_path / "ministry").mkdir()
    return Ministry(tmp_path / "ministry")


@pytest.fixture
def node(tmp_path: Path, ministry: Ministry) -> NodeFolder:
    """tax/tax-1 of a network that lists the ministry's issuing CA."""
    run("create", tmp_path / "office", "--org", "tax")
    signer = load_organisation_signer(tmp_path / "office")
    certificate = decode_certificate((ministry.folder / "issuing.crt").read_bytes())
    folder = NodeFolder(tmp_path / "tax-1")
    save_node_config(
        NodeConfig("tax-1", "tax", ListenConfig("127.0.0.1:0"), RpcConfig("127.0.0.1:0")), folder
    )
    tax = Organisation("tax", signer.address, (certificate,))
    draft("test", 1, 1, [tax], {"tax/tax-1": "127.0.0.1:1"}).signed(STANDARD, signer).save(
        folder.membership
    )
    return folder


def test_openssl_certifies_our_request_revokes_it_and_peers_would_agree(
    tmp_path: Path, ministry: Ministry, node: NodeFolder
) -> None:
    request, issued, crl = (tmp_path / name for name in ("a.csr", "a.crt", "a.crl"))
    run("request", node.path, "--out", request)
    ministry.sign(request, issued)
    # Installing means that a TLS handshake with it was rehearsed under the network's rules.
    assert run("install", node.path, issued)["node"] == "tax/tax-1"
    ministry.revocations(issued, crl)
    published = run("publish", node.path, crl)
    assert (published["organisation"], published["number"]) == ("tax", 7)
    assert published["changes"] == ["certificate 1000 of tax is revoked"]
    assert "which 'tax' revoked" in run("show", node.path)["refused"]


def test_a_ca_that_was_taken_over_issues_and_goes_on_with_its_list(
    tmp_path: Path, ministry: Ministry, node: NodeFolder
) -> None:
    request, issued, crl = (tmp_path / name for name in ("a.csr", "a.crt", "a.crl"))
    run("request", node.path, "--out", request)
    ministry.sign(request, issued)
    ministry.revocations(issued, crl)
    home = tmp_path / "taken"
    run(
        "create", home, "--org", "tax", "--certificate", ministry.folder / "issuing.crt",
        "--key", ministry.folder / "issuing.key", "--crl", crl,
    )  # fmt: skip
    assert run("show", home)["revoked"] == ["1000"]
    run("issue", home, request, "--out", issued)
    assert run("install", node.path, issued)["node"] == "tax/tax-1"
    done = run("revoke", home, "--serial", "1001", "--out", crl)
    assert (done["organisation"], done["number"], done["revoked"]) == ("tax", 8, 2)
    assert run("publish", node.path, crl)["number"] == 8


def test_a_certificate_that_strict_peers_refuse_is_not_installed(
    tmp_path: Path, ministry: Ministry, node: NodeFolder
) -> None:
    request, issued = tmp_path / "a.csr", tmp_path / "a.crt"
    run("request", node.path, "--out", request)
    (ministry.folder / "leaf.ext").write_text(LEAF.replace(",clientAuth", ""))
    ministry.openssl(
        "x509", "-req", "-in", str(request), "-CA", "issuing.crt", "-CAkey", "issuing.key",
        "-extfile", "leaf.ext", "-days", "9", "-out", str(issued), "-CAcreateserial",
    )  # fmt: skip
    with pytest.raises(RefusedPeer, match="purpose"):
        run("install", node.path, issued)
    assert not node.tls_certificate.exists()


def test_a_ca_that_strict_peers_refuse_does_not_get_into_the_document(
    tmp_path: Path, ministry: Ministry, node: NodeFolder
) -> None:
    lax = ministry.root("lax", "/O=Lax/CN=No key usage")
    other = ministry.root("other", "/O=Other/CN=Other curve", STRICT, curve="P-384")
    for certificate, words in ((lax, "keyCertSign and cRLSign"), (other, "P-256")):
        with pytest.raises(InvalidMembership, match=words):
            run("change", node.path, "--out", tmp_path / "d", "--renew-ca", f"tax={certificate}")
