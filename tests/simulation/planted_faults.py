"""Known ways to break the protocol or its persistence, each a small change of the source.

A fault that no scenario, test of a rule or seed finds would mean that they see nothing. A missing
COMMIT entry is no fault: the prepared certificate beside it leads to the same COMMIT. A missing
CHECKPOINT entry shows only where execution is not deterministic, and has a test of its own.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlantedFault:
    """`old`, found once in `path`, becomes `new`. `lies`: what the liars do (None: as drawn)."""

    name: str
    path: str
    old: str
    new: str
    lies: str | None = None
    seed: int = 1


_NO_LIES = ""
_FORGED = "forged proofs"
_CORE = "consensus/core.py"
_EXECUTION = "consensus/execution.py"
_ORDERING = "consensus/ordering.py"
_PROGRESS = "consensus/progress.py"
_RESTART = "consensus/restart.py"
_VERIFY = "consensus/verify.py"
_VIEWS = "consensus/views.py"
_WAL = "node/wal.py"
_WIRE = "consensus/wire.py"
_SIGNED_FIELDS = "group, _fields(message)]))"

FAULTS = (
    # Counting.
    PlantedFault(
        "the quorum is off by one",
        "ledger/validators.py",
        "        return quorum_of(self.n)",
        "        return quorum_of(self.n) - 1",
    ),
    PlantedFault(
        "repeated signers count in a prepared certificate",
        "consensus/verify.py",
        "return all(a < b for a, b in pairwise(signers))",
        "return bool(signers) or not pairwise(signers)",
        "repeated signers",
        11,
    ),
    PlantedFault(
        "f + 1 signatures make a block stable",
        "consensus/checkpoints.py",
        "if len(equal) < validators.quorum:",
        "if len(equal) <= validators.f:",
    ),
    PlantedFault(
        "COMMITs of several views are counted together",
        "consensus/sequence_state.py",
        "same.setdefault((vote.view, vote.digest), [])",
        "same.setdefault((0, vote.digest), [])",
    ),
    PlantedFault(
        "a signer too few prepares",
        _VERIFY,
        "        if len(signers) < validators.quorum:\n",
        "        if len(signers) < validators.quorum - 1:\n",
        _FORGED,
    ),
    PlantedFault(
        "a signer too few certifies a block",
        "ledger/certificate.py",
        "    if len(distinct) < validators.quorum:\n",
        "    if len(distinct) < validators.quorum - 1:\n",
        _FORGED,
    ),
    PlantedFault(
        "a sequence is prepared without its primary",
        _VERIFY,
        "        if primary not in signers:\n",
        "        if primary not in validators:\n",
        _FORGED,
    ),
    PlantedFault(
        "a VIEW-CHANGE too few opens a view",
        _VERIFY,
        "if len(senders) != validators.quorum or",
        "if len(senders) < validators.quorum - 1 or",
        _FORGED,
    ),
    PlantedFault(
        "one VIEW-CHANGE again and again opens a view",
        _VERIFY,
        " or len(set(senders)) != len(senders):",
        ":",
        _FORGED,
    ),
    # Signatures.
    PlantedFault(
        "the view is not bound into signatures",
        _WIRE,
        _SIGNED_FIELDS,
        "group, [*_fields(message)[:1], 0, *_fields(message)[2:]]]))",
    ),
    PlantedFault(
        "the epoch is not bound into signatures",
        _WIRE,
        _SIGNED_FIELDS,
        "group, _fields(message)[1:]]))",
    ),
    PlantedFault(
        "a CHECKPOINT signs its view",
        "consensus/execution.py",
        "Checkpoint(self._core.current.number, event.sequence, event.header_hash)",
        "Checkpoint(self._core.current.number, event.sequence, type(event.header_hash)("
        "event.header_hash[:-1] + bytes([self._core.view % 256])))",
    ),
    PlantedFault(
        "a VIEW-CHANGE in a NEW-VIEW is not verified",
        _VERIFY,
        "            self.verify(item)\n",
        "",
        _FORGED,
    ),
    PlantedFault(
        "a NEW-VIEW may rest on VIEW-CHANGEs of another view",
        _VERIFY,
        "            if (nested.epoch, nested.view) != (message.epoch, message.view):\n",
        "            if nested.epoch != message.epoch:\n",
        _FORGED,
    ),
    PlantedFault(
        "a VIEW-CHANGE may carry what later views prepared",
        _VERIFY,
        "certificate.epoch != message.epoch or certificate.view >= message.view",
        "certificate.epoch != message.epoch",
        _FORGED,
    ),
    PlantedFault(
        "a VIEW-CHANGE may carry what another epoch prepared",
        _VERIFY,
        "certificate.epoch != message.epoch or certificate.view >= message.view",
        "certificate.view >= message.view",
        _FORGED,
    ),
    # Syncs, each removed in turn, and what is written.
    PlantedFault(
        "appended records are not synced",
        _WAL,
        "        self._files.append(name, data)\n        self._files.sync(name)\n"
        "        self._record_end(self._end.generation",
        "        self._files.append(name, data)\n        self._record_end(self._end.generation",
        _NO_LIES,
    ),
    PlantedFault(
        "a replaced log is not synced",
        _WAL,
        "        self._files.sync(name)\n        self._record_end(generation, len(data))",
        "        self._record_end(generation, len(data))",
        _NO_LIES,
    ),
    PlantedFault(
        "the log's end is not synced",
        _WAL,
        "        self._files.sync(END_NAME)\n",
        "",
        _NO_LIES,
    ),
    PlantedFault(
        "a recovered log is not synced",
        _WAL,
        "            files.sync(name)\n            log._record_end(end.generation, good_bytes)\n",
        "            log._record_end(end.generation, good_bytes)\n",
        _NO_LIES,
    ),
    PlantedFault(
        "a recovered log's end is not synced",
        _WAL,
        "            files.sync(END_NAME)\n        log._remove_others()\n",
        "            pass\n        log._remove_others()\n",
        _NO_LIES,
    ),
    PlantedFault(
        "the last record is forgotten",
        _WAL,
        "return log, records[1:]",
        "return log, records[1 : max(1, len(records) - 1)]",
        _NO_LIES,
    ),
    PlantedFault(
        "a torn record is taken as whole",
        _WAL,
        "        if zlib.crc32(_CHECKSUM.pack(size) + record) != checksum:\n            break\n",
        "",
        _NO_LIES,
    ),
    PlantedFault(
        "votes are not logged",
        _ORDERING,
        "        self._core.persist(VoteEntry(without_body(vote)))\n",
        "",
        _NO_LIES,
    ),
    PlantedFault(
        "VIEW-CHANGEs are not logged",
        _VIEWS,
        "        self._core.persist(VoteEntry(message))\n",
        "",
        _NO_LIES,
    ),
    PlantedFault(
        "a primary forgets the NEW-VIEW that it sent",
        _RESTART,
        "        self._core.own_new_view = found.own_new_view\n",
        "",
        _NO_LIES,
    ),
    PlantedFault(
        "prepared certificates are not logged",
        _ORDERING,
        "self._core.persist(PreparedEntry(certificate), VoteEntry(state.own_commit))",
        "self._core.persist(VoteEntry(state.own_commit))",
        _NO_LIES,
    ),
    PlantedFault(
        "batches are not logged",
        _CORE,
        "            self.persist(BatchEntry(body))\n",
        "            pass\n",
        _NO_LIES,
    ),
    PlantedFault(
        "the log is pruned before the block is stored",
        _RESTART,
        "        for _, state in sorted(self._core.states.items()):\n            entries.extend(",
        "        for _, state in sorted(self._core.states.items()):\n"
        "            if state.sequence <= self._core.executed:\n                continue\n"
        "            entries.extend(",
        _NO_LIES,
    ),
    PlantedFault(
        "the mark is not written",
        _RESTART,
        "entries.extend(MarkEntry(mark) for _, mark in sorted(self._core.recent.items()))",
        "",
        _NO_LIES,
    ),
    PlantedFault(
        "the last block's mark is written alone",
        _RESTART,
        "sorted(self._core.recent.items()))\n",
        "sorted(self._core.recent.items())[-1:])\n",
    ),
    PlantedFault(
        "the mark is not passed on",
        _CORE,
        "known = self.lost_certificates if self.is_behind_mark else (self.stable_certificate,)",
        "known = (self.stable_certificate,)",
        _NO_LIES,
    ),
    PlantedFault(
        "whoever lost its log votes again",
        _CORE,
        "            config.may_vote\n            and self.retired",
        "            self.retired",
        _NO_LIES,
    ),
    PlantedFault(
        "messages kept for an epoch overtake the log",
        "consensus/stable_blocks.py",
        "        if core.is_behind_mark:\n            return\n        if not core.has_resumed",
        "        if has_entered:\n            self._take_kept(receive)\n"
        "        if core.is_behind_mark:\n            return\n        if not core.has_resumed",
        _NO_LIES,
    ),
    # View changes.
    PlantedFault(
        "a NEW-VIEW is not recomputed",
        _VIEWS,
        "return (found.first_sequence, found.digests) == (message.first_sequence, message.digests)",
        "return found is not None",
        "false NEW-VIEW lists",
        27,
    ),
    PlantedFault(
        "prepared certificates are forgotten at a view change",
        _VIEWS,
        "            if state.prepared is not None\n",
        "            if state.prepared is not None and state.prepared.view == view - 1\n",
        _NO_LIES,
    ),
    PlantedFault(
        "the highest view's certificate is not chosen",
        "consensus/view_changes.py",
        "known.view < certificate.view",
        "known.view > certificate.view",
    ),
    PlantedFault(
        "votes go out below the view that was left for",
        _ORDERING,
        "        if state.accepted is None or not (self._core.is_active and self._core.is_voter):\n"
        "            return\n        own = state.own_vote\n",
        "        if not self._core.is_voter or not state.own_vote:\n"
        "            return\n        own = state.own_vote\n        state.accepted = own.digest\n",
    ),
    PlantedFault(
        "a replica skips in a new view what it has executed",
        _ORDERING,
        "        if state.own_vote is not None and state.own_vote.view >= self._core.view:\n",
        "        if state.header_hash is not None or (\n"
        "            state.own_vote is not None and state.own_vote.view >= self._core.view\n"
        "        ):\n",
    ),
    PlantedFault(
        "one liar's view pulls everyone",
        "consensus/view_changes.py",
        "return views[f] if len(views) > f else None",
        "return views[0] if views else None",
    ),
    PlantedFault(
        "a VIEW-CHANGE goes out though a lock is out of its reach",
        _VIEWS,
        "or self._core.halted or self._is_lock_out_of_reach():",
        "or self._core.halted:",
        _NO_LIES,
    ),
    PlantedFault(
        "each counts its own target view only",
        "consensus/view_changes.py",
        "signed in self._latest.items() if _view(signed) >= view))",
        "signed in self._latest.items() if _view(signed) == view))",
    ),
    # Time and progress.
    PlantedFault(
        "time-outs are never capped",
        _PROGRESS,
        "        return min(self._core.config.view_ticks << doublings, "
        "self._core.config.view_ticks_max)",
        "        return self._core.config.view_ticks << doublings",
    ),
    PlantedFault(
        "the back-off never shrinks",
        "consensus/stable_blocks.py",
        "            core.failed_views = max(0, core.failed_views - 1)\n",
        "            core.failed_views = max(0, core.failed_views)\n",
    ),
    PlantedFault(
        "who is unheard counts as asking for the view",
        _PROGRESS,
        "core.view_changes.count_from(core.view) >= core.current.validators.quorum:",
        "core.view_changes.count_from(core.view) + len(self.unheard()) >= (\n"
        "            core.current.validators.quorum\n        ):",
    ),
    PlantedFault(
        "an unheard primary is left although nothing waits",
        _PROGRESS,
        "primary in core.unheard and core.requests.is_starving(self._patience_ticks):",
        "primary in core.unheard:",
    ),
    PlantedFault(
        "whoever hears no quorum complains",
        _PROGRESS,
        " and self._core.is_voter and self.is_quorum_heard():",
        " and self._core.is_voter:",
    ),
    PlantedFault(
        "a lone complaint is never followed",
        _PROGRESS,
        "            self._views.start_view_change(following, LeavingReason.LONE_COMPLAINT)\n",
        "            core.asked_ticks = 0\n",
    ),
    PlantedFault(
        "a lone complaint ends a view that has just begun",
        _PROGRESS,
        "            and core.view_lasted >= core.config.view_ticks_max\n",
        "",
    ),
    PlantedFault(
        "the complaint of the dead is followed",
        _PROGRESS,
        "s.sender not in core.unheard for s in core.view_changes",
        "s.sender != core.config.address for s in core.view_changes",
    ),
    PlantedFault(
        "a decided block stops the clocks without a bound",
        _PROGRESS,
        "is_paused = self._core.deciding_ticks <= config.execution_ticks_max",
        "is_paused = self._core.deciding_ticks > 0",
    ),
    PlantedFault(
        "who is behind waits for whatever is decided, executed here or not",
        _PROGRESS,
        "is_paused=is_paused and self._is_next_block_in_hand()",
        "is_paused=is_paused",
    ),
    PlantedFault(
        "a decision is not passed on",
        _PROGRESS,
        "        self._pass_on_decision()\n",
        "",
    ),
    PlantedFault(
        "nothing is sent again on reconnection",
        "consensus/replica.py",
        "                self._progress.resend_open(peer, age_ticks=0)\n",
        "",
    ),
    PlantedFault(
        "a tick sends nothing again",
        _PROGRESS,
        "        self.resend_open(None, age_ticks=self._core.config.resend_ticks)\n",
        "",
    ),
    PlantedFault(
        "the clock is checked in a NEW-VIEW's list too",
        "node/consensus_intake.py",
        "if proposal.is_null or proposal.origin_view != message.view:",
        "if proposal.is_null or proposal.origin_view > message.view:",
    ),
    PlantedFault(
        "an origin view may pretend to be old",
        _ORDERING,
        "            and proposal.origin_view == self._core.view\n",
        "",
    ),
    PlantedFault(
        "the window has no end",
        _CORE,
        "return self.stable < sequence <= high and self.is_in_epoch(sequence)",
        "return self.stable < sequence <= high + 1000 and self.is_in_epoch(sequence)",
    ),
    PlantedFault(
        "sequences of the next epoch are ordered by the old set",
        _CORE,
        "            following is None or sequence < following.first_sequence\n",
        "            following is None or sequence <= following.first_sequence\n",
    ),
    PlantedFault(
        "who leaves falls silent at once",
        _CORE,
        "        elif self._is_leaving and",
        "        elif not self.current and",
    ),
    PlantedFault(
        "votes go beyond the window of the log's mark",
        "consensus/stable_blocks.py",
        "count_towards_compaction(core.stable - (core.mark.number if core.mark else 0))",
        "count_towards_compaction(0)",
    ),
    # Parameters by vote.
    PlantedFault(
        "batches are held to a voted limit before it is in force",
        "node/consensus_intake.py",
        "parameters = self._chain.parameters_for(epoch.first_sequence)",
        "parameters = self._chain.parameters_for("
        "max(known.first_sequence for known in self._epochs.values()))",
    ),
    PlantedFault(
        "an epoch keeps the time-outs of the one before",
        "consensus/stable_blocks.py",
        "        if epoch.limits is None:\n            return\n",
        "        return\n",
    ),
    # Recovery epochs.
    PlantedFault(
        "the old set certifies blocks above a recovery epoch's beginning",
        _EXECUTION,
        "        if self._core.current.voids(certificate.epoch, certificate.number):\n",
        "        if self._core.current.voids(certificate.epoch, 0):\n",
    ),
    PlantedFault(
        "votes of the old set survive a recovery epoch",
        "consensus/stable_blocks.py",
        "        for void in [n for n in core.states if n > boundary]:\n"
        "            del core.states[void]\n",
        "",
    ),
    PlantedFault(
        "a mark above a recovery epoch's beginning stops a voter",
        _CORE,
        "            and not self.current.voids(mark.epoch, mark.number)\n",
        "",
    ),
)
