"""Stand between a lab and a program: limit its memory, and end it and all its children when the lab vanishes.

Run as a script, `python -I -S guard.py FD BYTES COMMAND…`, in a session of its own. FD is one end of a socket pair;
when the other end closes (the lab was killed) everything in the process group is ended. How the program ended is
told over the socket, `exit 3` or `signal 9`. Imports nothing but what starts in a few milliseconds.
"""

import os
import select
import signal
import sys


def _become(command: list[str], memory: int) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and programs would inherit that
    if memory:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        os.execvp(command[0], command)  # noqa: S606  (no shell is the point)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())


def main() -> None:
    """Run the command of `sys.argv` and tell how it ended."""
    line, memory, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(line, False)
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # before the fork, or a quick end would be missed
    child = os.fork()
    if child == 0:
        try:
            _become(command, memory)
        finally:  # whatever went wrong before the program took over, the child must not go on as a second guard
            os._exit(127)
    while True:
        ready, _, _ = select.select([line, awake], [], [])
        if line in ready:
            os.killpg(0, signal.SIGKILL)
        os.read(awake, 64)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            os.write(line, f"exit {code}".encode() if code >= 0 else f"signal {-code}".encode())
            return


if __name__ == "__main__":
    main()
