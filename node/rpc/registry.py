"""The table of methods: name, parameters, result, handler. It binds parameters, describes itself.

Handlers register here and nowhere else, so `rpc.discover` cannot disagree with what is served.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .errors import METHOD_NOT_FOUND, RpcError, invalid_parameters
from .principal import Principal
from .values import Kind

if TYPE_CHECKING:
    from .context import Context

Handler = Callable[..., Awaitable[Any]]
TogetherHandler = Callable[
    [Principal, "Context", Sequence[Sequence[Any]]], Awaitable[Sequence[Any | RpcError]]
]
"""Takes the arguments of each call; answers each call's result or error, in order."""


@dataclass(frozen=True)
class Parameter:
    """One parameter. An optional one that is absent or null takes `default`."""

    name: str
    kind: Kind[Any]
    required: bool = True
    default: Any = None


def optional(name: str, kind: Kind[Any], default: Any = None) -> Parameter:
    """A parameter that may be left out."""
    return Parameter(name, kind, required=False, default=default)


@dataclass(frozen=True)
class Method:
    """A method as it is served and as it is described."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    result: dict[str, Any]
    handler: Handler
    together: TogetherHandler | None = None

    def bind(self, params: Any) -> list[Any]:
        """Positional or named parameters of a request as the handler's arguments."""
        if params is None:
            given: list[Any] = []
        elif isinstance(params, list):
            given = params
        elif isinstance(params, dict):
            given = self._by_position(params)
        else:
            raise invalid_parameters("params: expected an array (or an object by names)")
        if len(given) > len(self.parameters):
            raise invalid_parameters(
                f"{self.name}: takes {self._signature()}, got {len(given)} parameters"
            )
        arguments = []
        for index, parameter in enumerate(self.parameters):
            value = given[index] if index < len(given) else None
            if value is None:
                if parameter.required:
                    raise invalid_parameters(
                        f"{self.name}: parameter {index + 1} ({parameter.name}) is missing; "
                        f"it takes {self._signature()}"
                    )
                arguments.append(parameter.default)
            else:
                arguments.append(parameter.kind.parse(parameter.name, value))
        return arguments

    def _by_position(self, params: dict[str, Any]) -> list[Any]:
        names = [parameter.name for parameter in self.parameters]
        unknown = sorted(set(params) - set(names))
        if unknown:
            raise invalid_parameters(
                f"{self.name}: no parameter named {unknown[0]!r}; it takes {self._signature()}"
            )
        return [params.get(name) for name in names]

    def _signature(self) -> str:
        if not self.parameters:
            return "no parameters"
        return ", ".join(
            parameter.name if parameter.required else f"[{parameter.name}]"
            for parameter in self.parameters
        )


class Registry:
    """Methods by name. Names are unique: registering one twice is our bug."""

    def __init__(self) -> None:
        self._methods: dict[str, Method] = {}

    def method(
        self, name: str, *parameters: Parameter, summary: str, result: dict[str, Any]
    ) -> Callable[[Handler], Handler]:
        """Decorate `async handler(principal, context, *arguments)` as the method `name`."""

        def register(handler: Handler) -> Handler:
            assert name not in self._methods, name
            self._methods[name] = Method(name, summary, parameters, result, handler)
            return handler

        return register

    def together(self, name: str) -> Callable[[TogetherHandler], TogetherHandler]:
        """Decorate what answers neighbouring calls of the method `name` in a batch as one."""

        def register(handler: TogetherHandler) -> TogetherHandler:
            self._methods[name] = replace(self._methods[name], together=handler)
            return handler

        return register

    def include(self, other: Registry) -> None:
        """Take over all methods of another table."""
        for method in other:
            assert method.name not in self._methods, method.name
            self._methods[method.name] = method

    def __iter__(self) -> Iterator[Method]:
        return iter(sorted(self._methods.values(), key=lambda method: method.name))

    def __contains__(self, name: str) -> bool:
        return name in self._methods

    def is_together(self, name: str) -> bool:
        """Whether `call_together` takes this method."""
        return name in self._methods and self._methods[name].together is not None

    async def call_together(
        self, principal: Principal, context: Context, name: str, params: Sequence[Any]
    ) -> list[Any | RpcError]:
        """Run one method for many calls: each call's result or error, in order."""
        method = self._methods[name]
        assert method.together is not None, name
        answers: list[Any | RpcError] = []
        bound: list[tuple[int, list[Any]]] = []
        for place, given in enumerate(params):
            try:
                bound.append((place, method.bind(given)))
                answers.append(None)
            except RpcError as problem:
                answers.append(problem)
        found = await method.together(principal, context, [arguments for _, arguments in bound])
        for (place, _), answer in zip(bound, found, strict=True):
            answers[place] = answer
        return answers

    async def call(self, principal: Principal, context: Context, name: str, params: Any) -> Any:
        """Run one method; raises `RpcError` for an unknown name or parameters of another form."""
        method = self._methods.get(name)
        if method is None:
            raise RpcError(
                METHOD_NOT_FOUND,
                f"the method {name[:64]} does not exist here; rpc.discover lists those that do",
            )
        return await method.handler(principal, context, *method.bind(params))

    def describe(self, version: str) -> dict[str, Any]:
        """The OpenRPC 1.3.2 document of this table."""
        return {
            "openrpc": "1.3.2",
            "info": {
                "title": "Quorate JSON-RPC",
                "version": version,
                "description": "Ethereum's methods as execution-apis specifies them, and the "
                "quorate_ methods of a permissioned ledger",
                "license": {"name": "Apache-2.0"},
            },
            "methods": [
                {
                    "name": method.name,
                    "summary": method.summary,
                    "paramStructure": "either",
                    "params": [
                        {
                            "name": parameter.name,
                            "required": parameter.required,
                            "schema": parameter.kind.schema,
                        }
                        for parameter in method.parameters
                    ],
                    "result": {"name": "result", "schema": method.result},
                }
                for method in self
            ],
        }
