"""Builds the Rust crate into this environment where cargo and its registry can be had.

It never fails: without the crate everything works on py-evm and Python, so what is missing is said
once, with the way out. What was built or refused stands in `native-engine.json` of the environment,
by the digest of the sources: a second run does nothing.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from ledger.crate import why_missing
from scripts.watched_command import CommandEnded, run_watched

ROOT = Path(__file__).resolve().parents[1]
CRATE = ROOT / "native"
WHEELS = ROOT / "build" / "native"
LOG = WHEELS / "build.log"
RECORD = Path(sys.prefix) / "native-engine.json"
SWITCH = "QUORATE_NATIVE"

PROBE_S_MAX = 60
PIP_S_MAX = 300
FETCH_S_MAX = 300
BUILD_S_MAX = 1800

# A registry that does not answer must not hold up a demo; who sets these has reasons.
PATIENCE = {"CARGO_HTTP_TIMEOUT": "20", "CARGO_NET_RETRY": "2"}

WITHOUT = "No native engine: blocks run on py-evm and proofs in Python, the same and slower."
KEPT = "The native engine that was built earlier stays in use."


class CannotBuild(Exception):
    """Why there will be no crate, and `remedy`, what to do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason.rstrip('.')}. {remedy}.")


@dataclass(frozen=True)
class Record:
    """The last attempt: of which sources, how long it took, and why it failed if it did."""

    digest: str
    seconds: float
    failed: str | None


def main() -> int:
    """Build what is not built yet; the exit code is 0 in any case but an interruption."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retry", action="store_true", help="also after an attempt that failed")
    retry = parser.parse_args().retry
    if os.environ.get(SWITCH) == "0":
        print(f"The native engine is not built, as {SWITCH}=0 says.")
        return 0
    digest, last = sources_digest(), load_record()
    if last is not None and last.digest != digest:
        last = None
    if last is not None and last.failed is None and why_missing() is None:
        return 0
    try:
        check_cargo()
        if last is not None and last.failed is not None and not retry:
            raise CannotBuild(f"An earlier attempt failed: {last.failed}", "Try again: make native")
        seconds = _attempt(digest)
    except CannotBuild as error:
        print(f"{WITHOUT if why_missing() else KEPT}\n{error}")
        return 0
    print(f"The native engine is built and installed, in {seconds:.0f} s.")
    return 0


def _attempt(digest: str) -> float:
    """Build and install; the seconds that it took. A failure is noted, and raised."""
    print("Building the native engine (some minutes, once; leave it out with QUORATE_NATIVE=0)")
    started = time.monotonic()
    failed: str | None = "it was interrupted."
    try:
        install(build_wheel())
        failed = None
    except CannotBuild as error:
        failed = str(error)
        raise
    finally:
        seconds = round(time.monotonic() - started, 1)
        record = Record(digest, seconds, failed)
        RECORD.write_text(json.dumps(asdict(record)) + "\n", encoding="utf-8")
    return seconds


def sources_digest() -> str:
    """SHA-256 over everything that the wheel is made from."""
    digest = hashlib.sha256()
    files = [path for path in CRATE.glob("*.*") if path.suffix in {".toml", ".lock", ".pyi"}]
    for path in sorted([*files, *CRATE.glob("src/**/*.rs")]):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(CRATE)} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def load_record() -> Record | None:
    """What the last attempt left; None if there was none, or its note is damaged."""
    try:
        return Record(**json.loads(RECORD.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def check_cargo() -> None:
    """Raises `CannotBuild` without a cargo that runs and is new enough."""
    wanted = tomllib.loads((CRATE / "Cargo.toml").read_text(encoding="utf-8"))
    least = str(wanted["package"]["rust-version"])
    remedy = f"Install Rust {least} or newer (https://rustup.rs) and run: make native"
    for tool in ("cargo", "rustc"):
        if shutil.which(tool) is None:
            raise CannotBuild(f"{tool} is not on the PATH", remedy)
    _output(["cargo", "--version"], remedy)
    told = _output(["rustc", "-vV"], remedy)
    release = re.search(r"^release: (\d+)\.(\d+)", told, re.MULTILINE)
    if release is None:
        raise CannotBuild(f"rustc -vV names no release: {told[:200]!r}", remedy)
    if tuple(map(int, release.groups())) < tuple(map(int, least.split(".")[:2])):
        raise CannotBuild(f"rustc is {'.'.join(release.groups())}, older than {least}", remedy)


def build_wheel() -> Path:
    """The crate's wheel in build/native. Raises `CannotBuild`, also without cargo."""
    check_cargo()
    WHEELS.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    for stale in WHEELS.glob("*.whl"):
        stale.unlink()
    _pip("maturin", "--require-hashes", "-r", str(ROOT / "requirements" / "native.lock"))
    _fetch()
    maturin = str(Path(sys.executable).parent / "maturin")
    command = [maturin, "build", "--release", "--locked", "--offline", "-i", sys.executable]
    packages = (CRATE / "Cargo.lock").read_text(encoding="utf-8").count("[[package]]")
    _watch(
        [*command, "--out", str(WHEELS)],
        "compiling",
        BUILD_S_MAX,
        "A C compiler and Rust are needed; see docs/how-to/build-the-native-engine.md",
        packages,
    )
    [wheel] = WHEELS.glob("*.whl")
    return wheel


def install(wheel: Path) -> None:
    """The wheel into this environment, tried out. Raises `CannotBuild`."""
    _pip(wheel.name, "--no-index", "--no-deps", "--force-reinstall", str(wheel))
    asked = "from ledger.crate import why_missing; print(why_missing() or '')"
    missing = _output([sys.executable, "-c", asked], "Please report it").strip()
    if missing:
        raise CannotBuild(
            missing, f"The names are in {LOG.relative_to(ROOT)}; make clean, then make native"
        )


def _fetch() -> None:
    # For all platforms: cargo's own look at the crates, before a build, wants them all.
    fetch = ["cargo", "fetch", "--locked"]
    try:
        _watch([*fetch, "--offline"], "looking for crates", FETCH_S_MAX, "")
    except CannotBuild:
        _watch(
            fetch,
            "downloading",
            FETCH_S_MAX,
            "cargo could not get the crates: set its mirror in ~/.cargo/config.toml, or install a "
            "wheel made elsewhere with make wheels",
        )


def _pip(what: str, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    remedy = "See whether pip reaches its index, then run: make native"
    _watch([*pip, *arguments], f"installing {what}", PIP_S_MAX, remedy)


def _output(command: list[str], remedy: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=ROOT if command[0] == sys.executable else CRATE, capture_output=True,
            text=True, timeout=PROBE_S_MAX, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{command[0]} does not run: {error}", remedy) from error
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise CannotBuild(f"{command[0]} does not run: {words}", remedy)
    return done.stdout


def _watch(
    command: list[str], activity: str, seconds_max: int, remedy: str, steps: int = 0
) -> None:
    try:
        run_watched(
            command,
            CRATE,
            environment={**PATIENCE, **os.environ},
            log=LOG,
            activity=activity,
            seconds_max=seconds_max,
            steps=steps,
        )
    except CommandEnded as error:
        raise CannotBuild(
            f"{activity}: {error} (all of it: {LOG.relative_to(ROOT)})", remedy
        ) from (error)


if __name__ == "__main__":
    sys.exit(main())
