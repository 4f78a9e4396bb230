"""`make wheels`: everything that an installation without a network needs, in build/wheels.

The project's own wheel, the crate's where cargo is, every locked dependency's, a file of hashes
that pip checks, and a page that says how to install. Made for this Python and this platform.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from scripts.build_native import CannotBuild, build_wheel

ROOT = Path(__file__).resolve().parents[1]
WHEELS = ROOT / "build" / "wheels"
REQUIREMENTS = "requirements.txt"
OWN_LOCK = ROOT / "requirements" / "run.lock"

INSTALL = """\
Quorate, offline
================

Made for Python {python} on {platform}; glibc as in the wheels' names or newer. Nothing here is
fetched from a network. In an empty virtual environment:

    python3 -m venv quorate && . quorate/bin/activate
    pip install --no-index --find-links . --require-hashes -r {requirements}
    quorate version

`--require-hashes` refuses a file that differs from what was made here. Compare the fingerprint of
{requirements} itself over another way than the one the files came:

    sha256 {fingerprint}

{native}
"""
WITH_NATIVE = """\
The native engine is among the wheels (quorate-native); nodes with `engine = "auto"` run on it.
To do without: delete its line in the requirements. `pip install --no-index --find-links . quorate`
also leaves it out, and checks no hashes."""
WITHOUT_NATIVE = """\
The native engine is not among the wheels, since it could not be built where they were made:
{reason}
Nodes run on py-evm."""


def main() -> int:
    """Make the folder anew; 1 if a wheel of the project or of a dependency cannot be had."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    WHEELS.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel"]
    target = ["--wheel-dir", str(WHEELS)]
    print("Gathering the locked dependencies' wheels")
    # Whatever is no wheel at the index is built here, from the source with the locked hash.
    subprocess.run([*pip, *target, "--require-hashes", "-r", str(OWN_LOCK)], check=True)
    print("Building the project's own")
    subprocess.run([*pip, *target, "--no-deps", "--no-build-isolation", str(ROOT)], check=True)
    native = WITH_NATIVE
    try:
        print("Building the native engine's")
        shutil.copy2(build_wheel(), WHEELS)
    except CannotBuild as error:
        native = WITHOUT_NATIVE.format(reason=error)
        print(native)
    requirements = WHEELS / REQUIREMENTS
    requirements.write_text(_requirements(), encoding="utf-8")
    text = INSTALL.format(
        python=platform.python_version(),
        platform=sysconfig.get_platform(),
        requirements=REQUIREMENTS,
        fingerprint=hashlib.sha256(requirements.read_bytes()).hexdigest(),
        native=native,
    )
    (WHEELS / "INSTALL").write_text(text, encoding="utf-8")
    count = len(list(WHEELS.glob("*.whl")))
    size = sum(path.stat().st_size for path in WHEELS.iterdir()) >> 20
    print(f"{count} wheels, {size} MiB, in {WHEELS.relative_to(ROOT)}; see INSTALL there")
    return 0


def _requirements() -> str:
    """Every wheel as `name==version --hash=…`, in pip's own form."""
    lines = []
    for path in sorted(WHEELS.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{digest}\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
