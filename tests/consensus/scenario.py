"""Runs scenario scripts: `python -m tests.consensus.scenario [--rewrite] FILE...`.

A script is blocks of a command, a line `----`, and what it prints; blocks are divided by an empty
line, `#` starts a comment. `--rewrite` writes what is printed now into the file: read the change.

    cluster N [limit=value…]       start N replicas, r0 the primary of view 0
    propose R TX…                  R's driver fills its slot
    deliver [KIND] [from=R] [to=R] deliver waiting messages of this description, in order
    drop [KIND] [from=R] [to=R]    lose them instead
    reverse                        turn the order of the waiting messages
    settle                         deliver everything until nothing is left
    tick K [R…]                    K ticks at R (at all)
    crash R… · restart R…          power cut, and again
    wipe R                         the store of a crashed replica is lost, its log is whole
    cut R… | R…  ·  heal           a partition, and its end
    forge R pre-prepare V S TX… to=R…   a second PRE-PREPARE under R's key
    forge R view-change V to=R…    a VIEW-CHANGE under R's key with nothing prepared
    show                           where every replica stands
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from consensus import effects as fx
from consensus.messages import (
    Checkpoint,
    Message,
    NewView,
    Position,
    Signed,
    ViewChange,
)
from tests.consensus.cluster import Cluster

_NAMES = {
    "PrePrepare": "PRE-PREPARE",
    "Prepare": "PREPARE",
    "Commit": "COMMIT",
    "Checkpoint": "CHECKPOINT",
    "ViewChange": "VIEW-CHANGE",
    "NewView": "NEW-VIEW",
    "Position": "POSITION",
}


class Scenario:
    """The state of one script."""

    def __init__(self) -> None:
        self.cluster = Cluster(4)

    def run(self, line: str) -> str:
        """Carry out a command; what it prints."""
        verb, *words = line.split()
        for node in self.cluster.nodes.values():
            node.trace.clear()
        told = getattr(self, f"_{verb}")(words)
        return "\n".join([*self._traces(), *(told or [])]) or "ok"

    def _cluster(self, words: list[str]) -> None:
        limits = {name: int(value) for name, value in (word.split("=") for word in words[1:])}
        self.cluster = Cluster(int(words[0]), **limits)
        self.cluster.start_all()
        self.cluster.deliver()
        for node in self.cluster.nodes.values():
            node.trace.clear()

    def _propose(self, words: list[str]) -> None:
        self.cluster.propose(words[0], *words[1:])

    def _deliver(self, words: list[str]) -> list[str]:
        return [f"{self.cluster.deliver(_selector(words))} delivered"]

    def _drop(self, words: list[str]) -> list[str]:
        wanted = _selector(words)
        before = len(self.cluster.queue)
        self.cluster.queue = [item for item in self.cluster.queue if not wanted(*item)]
        return [f"{before - len(self.cluster.queue)} dropped"]

    def _reverse(self, words: list[str]) -> None:
        self.cluster.queue.reverse()

    def _settle(self, words: list[str]) -> list[str]:
        self.cluster.deliver()
        for node in self.cluster.nodes.values():
            quiet = fx.Persist | fx.Broadcast | fx.Resend | fx.Compact
            node.trace = [effect for effect in node.trace if not isinstance(effect, quiet)]
        return []

    def _tick(self, words: list[str]) -> None:
        self.cluster.tick(int(words[0]), *words[1:])

    def _crash(self, words: list[str]) -> None:
        for name in words:
            self.cluster.crash(name)

    def _wipe(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].stored = []

    def _restart(self, words: list[str]) -> None:
        for name in words:
            self.cluster.start(name)

    def _cut(self, words: list[str]) -> None:
        at = words.index("|")
        left, right = words[:at], words[at + 1 :]
        self.cluster.cut = {(a, b) for a in left for b in right} | {
            (b, a) for a in left for b in right
        }
        self.cluster.queue = [
            item for item in self.cluster.queue if (item[0], item[1]) not in self.cluster.cut
        ]

    def _heal(self, words: list[str]) -> None:
        self.cluster.cut = set()

    def _forge(self, words: list[str]) -> None:
        name, kind, view, *rest = words
        peers = [word[3:] for word in rest if word.startswith("to=")]
        rest = [word for word in rest if not word.startswith("to=")]
        if kind == "pre-prepare":
            body = self.cluster.proposal(name, int(rest[0]), int(view), *rest[1:])
            signed = self.cluster.pre_prepare(name, body, int(view))
        else:
            signed = self.cluster.sign(name, ViewChange(0, int(view), None, ()))
        for peer in peers:
            self.cluster.queue.append((name, peer, signed))

    def _show(self, words: list[str]) -> list[str]:
        told = []
        for name, node in self.cluster.nodes.items():
            status = node.replica.status()
            state = "" if status.is_active else " (waiting for NEW-VIEW)"
            state = state if node.is_up else " (down)"
            chain = " ".join(self.cluster.chain(name)) or "-"
            told.append(f"{name} view {status.view}{state} stable {status.stable}: {chain}")
        return told

    def _traces(self) -> list[str]:
        return [
            f"{name} {told}"
            for name, node in self.cluster.nodes.items()
            for told in map(self._tell, node.trace)
            if told
        ]

    def _tell(self, effect: fx.Effect) -> str:
        match effect:
            case fx.Persist(entries):
                return f"syncs {', '.join(type(e).__name__.removesuffix('Entry') for e in entries)}"
            case fx.Broadcast(Position()) | fx.Compact():
                return ""
            case fx.Broadcast(message):
                return f"sends {self._tell_message(message)}"
            case fx.Resend(signed, to):
                whom = "all" if to is None else self.cluster.by_address[to].name
                return f"sends again {self._tell_message(signed.message)} to {whom}"
            case fx.Execute(proposal):
                return f"executes {proposal.sequence} {self.cluster.label(proposal.digest)}"
            case fx.Stable(certificate):
                signers = [self.cluster.by_address[s].name for s in certificate.signers]
                return f"stores {certificate.number}, certified by {' '.join(signers)}"
            case fx.FetchBatch(sequence, digest):
                return f"fetches the batch of {sequence} {self.cluster.label(digest)}"
            case fx.Synchronise(certificate):
                return f"catches up to {certificate.number}"
            case fx.Alarm(kind, _):
                return f"alarm {kind}"
            case fx.Halt(_):
                return "halts"
            case _:
                return type(effect).__name__

    def _tell_message(self, message: Message) -> str:
        name = _NAMES[type(message).__name__]
        label = self.cluster.label
        match message:
            case Checkpoint():
                return f"{name}({message.number})"
            case ViewChange():
                locks = " ".join(
                    f"{c.sequence}={label(c.digest)}@{c.view}" for c in message.prepared
                )
                return f"{name}({message.view}) stable {message.stable_number} [{locks}]"
            case NewView():
                self.cluster.name_digests(message)
                listed = " ".join(
                    f"{message.first_sequence + i}={label(d)}"
                    for i, d in enumerate(message.digests)
                )
                return f"{name}({message.view}) [{listed}]"
            case Position():
                return name
            case _:
                return f"{name}({message.view}, {message.sequence}, {label(message.digest)})"


def _selector(words: list[str]) -> Callable[[str, str, Signed], bool]:
    kinds = {word.upper() for word in words if "=" not in word}
    sources = {word[5:] for word in words if word.startswith("from=")}
    targets = {word[3:] for word in words if word.startswith("to=")}

    def is_wanted(source: str, to: str, signed: Signed) -> bool:
        return (
            (not kinds or _NAMES[type(signed.message).__name__] in kinds)
            and (not sources or source in sources)
            and (not targets or to in targets)
        )

    return is_wanted


def play(text: str) -> str:
    """The script with what its commands print now."""
    scenario = Scenario()
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        comments = [line for line in lines if line.startswith("#")]
        commands = lines[len(comments) :]
        if not commands:
            blocks.append(block)
            continue
        blocks.append("\n".join([*comments, commands[0], "----", scenario.run(commands[0])]))
    return "\n\n".join(blocks) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rewrite", action="store_true", help="write the output into the scripts")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    differ = 0
    for path in options.files:
        found = play(path.read_text())
        if found == path.read_text():
            continue
        differ += 1
        if options.rewrite:
            path.write_text(found)
        print(f"{'rewritten' if options.rewrite else 'differs'}: {path}")
    return 1 if differ and not options.rewrite else 0


if __name__ == "__main__":
    sys.exit(main())
