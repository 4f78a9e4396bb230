"""PBFT (Castro and Liskov, 1999) as a pure state machine: events in, effects out.

Ordering comes before execution; the certificate of a block is a quorum's signatures over its
executed header. No I/O, no clock, no chance: `node` drives it.
"""
