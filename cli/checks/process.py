"""Whether the node's process runs, and whether the last one ended without saying so."""

from cli.failure import CommandFailed
from cli.finding import Finding
from cli.finding_codes import Code
from cli.network.process import last_words, read_pid, running_pid
from node.config import NodeFolder


def is_running(folder: NodeFolder) -> bool:
    """Whether the folder's node runs; a pid file that cannot be read names none."""
    try:
        return running_pid(folder.pid_file) is not None
    except CommandFailed:
        return False


def findings_of_process(folder: NodeFolder) -> list[Finding]:
    """About the pid file; nothing is said of a node that was stopped properly."""
    try:
        pid = read_pid(folder.pid_file)
    except CommandFailed as error:
        remedy = f"remove {folder.pid_file} if no node runs"
        return [Finding(Code.PROCESS, "process", False, str(error), remedy)]
    if pid is None:
        return []
    if is_running(folder):
        return [Finding(Code.PROCESS, "process", True, f"process {pid} runs")]
    return [
        Finding(
            Code.PROCESS,
            "process",
            False,
            f"expected the node of {folder.pid_file.name} as process {pid}, found no such node: it "
            f"ended without stopping; its last words: {last_words(folder.path, 1)}",
            "start it; the file itself stops nobody",
        )
    ]
