"""circom's compiler and library, at fixed versions from npm: a judge and a rival, no dependency.

The package `circom2` is circom's own source built for WebAssembly; the native build is faster.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "bench" / "circom"
PACKAGES = ("circom2@0.2.23", "circomlib@2.0.5")


class NoCircom(RuntimeError):
    """npm is not installed, or could not get the packages."""


@dataclass(frozen=True)
class Circom:
    """The compiler as a command of Node.js, and the folder that sources include from."""

    node: str
    modules: Path

    @property
    def program(self) -> list[str]:
        """What the command begins with."""
        return [self.node, str(self.modules / "circom2" / "cli.js")]

    def command(self, source: Path, out: Path, *options: str) -> list[str]:
        """Compiles a source to `.r1cs`, wasm and `.sym`."""
        made = [*self.program, str(source), *options, "--r1cs", "--wasm", "--sym"]
        return [*made, "-l", str(self.modules), "-o", str(out)]

    def start(self) -> list[str]:
        """Loads the compiler and does nothing."""
        return [*self.program, "--version"]


def install_circom(folder: Path = FOLDER) -> Circom:
    """Gets both packages by npm, once, and keeps them there. Raises `NoCircom`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NoCircom("Node.js and npm are needed to get circom")
    modules = folder / "node_modules"
    if not all((modules / package.split("@")[0]).is_dir() for package in PACKAGES):
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--prefix", str(folder), "--no-save", "--no-audit", "--no-fund"]
        command = [npm, "install", *options, *PACKAGES]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if done.returncode:
            raise NoCircom(f"npm could not get {' and '.join(PACKAGES)}: {done.stderr[-400:]}")
    return Circom(node, modules)
