"""`node.toml`: whether it can be used, where RPC listens, whether the engine that it names is here.

Nothing else can be looked at without it.
"""

from cli.finding import Finding
from cli.finding_codes import Code
from node.config import (
    ConfigurationError,
    NodeConfig,
    NodeFolder,
    load_node_config,
    parse_address,
)
from node.engines import NATIVE, why_not_native
from node.rpc.server import InvalidListenAddress, require_loopback


def read_configuration(folder: NodeFolder) -> tuple[NodeConfig | None, Finding]:
    """The configuration, None where it cannot be used."""
    try:
        config = load_node_config(folder)
    except ConfigurationError as error:
        remedy = "correct the line in node.toml; docs/how-to/run-a-network.md has an example"
        return None, Finding(Code.CONFIGURATION, "node.toml", False, str(error), remedy)
    return config, Finding(Code.CONFIGURATION, "node.toml", True, f"of {config.node_id}")


def findings_of_configuration(config: NodeConfig) -> list[Finding]:
    """What can be read and would still keep the node from starting."""
    return [_of_engine(config), _of_rpc(config)]


def _of_engine(config: NodeConfig) -> Finding:
    missing = why_not_native() if config.engine == NATIVE else None
    if missing is None:
        return Finding(Code.ENGINE, "engine", True, f"node.toml asks for {config.engine}")
    return Finding(
        Code.ENGINE,
        "engine",
        False,
        f"expected the engine {NATIVE!r} of node.toml on this machine, found none",
        f'{missing}; or set engine = "auto" in node.toml, to run on what is there',
    )


def _of_rpc(config: NodeConfig) -> Finding:
    listen = config.rpc.listen
    try:
        require_loopback(parse_address(listen)[0])
    except InvalidListenAddress as error:
        return Finding(
            Code.RPC_ADDRESS,
            "RPC",
            False,
            f"expected [rpc] listen on loopback, found {listen}: {error}",
            "set [rpc] listen to 127.0.0.1 in node.toml; for callers from elsewhere set tls_listen "
            "beside it, as docs/how-to/open-the-rpc.md says",
        )
    return Finding(Code.RPC_ADDRESS, "RPC", True, f"listens on {listen}")
