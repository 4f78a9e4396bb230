"""The groups of a running node: taken up at the start or later, and left, without a restart.

What a group is made of is `group_assembly`'s, what it does `group`'s. A group that cannot be taken
up is said and leaves the others as they were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from node.config import ConfigurationError, NodeConfig
from node.founding import InvalidFounding, check_founding
from node.group import GroupDriver
from node.group_assembly import NodeParts, assemble_group, read_genesis

Release = Callable[[str], Awaitable[None]]
"""Have nobody use a group any more, and return when nobody does."""

log = structlog.get_logger("node")


class RunningGroups:
    """The drivers by their groups' names. Calls must not overlap: one change after the other."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._drivers: dict[str, GroupDriver] = {}

    @property
    def drivers(self) -> Mapping[str, GroupDriver]:
        """Every group that is carried now; the mapping lives."""
        return self._drivers

    async def assemble(self) -> None:
        """Read the files of all groups of the configuration. Raises `ConfigurationError`."""
        for group in self._parts.config.group:
            self._drivers[group.name] = await self._assembled(group.name)

    async def start(self) -> None:
        """Start all that were assembled."""
        for driver in self._drivers.values():
            await driver.start()

    async def stop(self) -> None:
        """Stop all; their stores stay open for whoever still reads."""
        for driver in self._drivers.values():
            await driver.stop()

    def close(self) -> None:
        """Close all stores."""
        for driver in self._drivers.values():
            driver.chain.close()
        self._drivers.clear()

    async def follow(self, config: NodeConfig, release: Release) -> None:
        """Leave the groups that `config` names no more, take up those that it names anew."""
        self._parts = replace(self._parts, config=config)
        wanted = [group.name for group in config.group]
        for name in self._names_but(wanted):
            await self._leave(name, release)
        for name in wanted:
            if name not in self._drivers:
                await self._take_up(name)

    def _names_but(self, wanted: Iterable[str]) -> list[str]:
        return sorted(set(self._drivers).difference(wanted))

    async def _take_up(self, name: str) -> None:
        try:
            driver = await self._assembled(name)
        except ConfigurationError as error:
            log.error("group.refused", group=name, reason=str(error))
            return
        # Known before it starts: what is cut off in between is stopped with the node.
        self._drivers[name] = driver
        try:
            await driver.start()
        except Exception as error:
            # A group alone must not take the node's others along.
            log.error("group.refused", group=name, reason=repr(error), exc_info=error)
            await self._close(self._drivers.pop(name))
            return
        log.info("group.taken_up", group=name, identity=driver.group_id)

    async def _leave(self, name: str, release: Release) -> None:
        # Nobody finds it from now on; those who did are waited for before its store closes.
        driver = self._drivers.pop(name)
        await release(name)
        await self._close(driver)
        log.info("group.left", group=name, identity=driver.group_id)

    async def _close(self, driver: GroupDriver) -> None:
        await driver.stop()
        driver.chain.close()
        self._parts.metrics.forget_group(driver.name)

    async def _assembled(self, name: str) -> GroupDriver:
        return await asyncio.to_thread(self._assemble, name)

    def _assemble(self, name: str) -> GroupDriver:
        folder = self._parts.folder.group(name)
        if not folder.database.exists():
            try:
                check_founding(
                    read_genesis(folder), self._parts.network.membership, self._parts.config.node_id
                )
            except InvalidFounding as error:
                raise ConfigurationError(f"{folder.genesis}: {error}") from error
        return assemble_group(self._parts, name)
