"""One experiment at a coater that speaks SCPI over TCP: conditions as JSON in, hardness as JSON out.

The address is taken from COATER (host:port). Exit codes: 3 the interlock refused, 1 anything else that went wrong.
"""

import json
import os
import socket
import sys
from typing import Self

HOST, _, PORT = os.environ.get("COATER", "127.0.0.1:5025").partition(":")
PATIENCE = 30.0
"""Seconds until a silent instrument counts as gone."""


class Coater:
    """A connection; whatever happens, the plasma is off when it ends."""

    def __enter__(self) -> Self:
        self.line = socket.create_connection((HOST, int(PORT)), PATIENCE)
        self.answers = self.line.makefile("r", encoding="ascii", newline="\n")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.say("OUTP OFF")
        finally:
            self.line.close()

    def say(self, command: str) -> None:
        """Send a command that is not answered."""
        self.line.sendall(f"{command}\n".encode("ascii"))

    def ask(self, question: str) -> str:
        """Send a question and wait for its answer."""
        self.say(question)
        answer = self.answers.readline()
        if not answer:
            raise ConnectionError(f"no answer to {question}")
        return answer.strip()


def main() -> int:
    """Set the conditions, coat, indent three times."""
    conditions = json.load(sys.stdin)
    with Coater() as coater:
        coater.say(f"SOUR:POW {conditions['power']:.2f}")
        coater.say(f"SOUR:PRES {conditions['pressure']:.4f}")
        coater.say(f"SOUR:BIAS {conditions['bias']:.2f}")
        code, _, said = coater.ask("SYST:ERR?").partition(",")
        if int(code):
            print(said.strip('"'), file=sys.stderr)
            return 3
        coater.say("OUTP ON")
        coater.ask("*OPC?")  # answers when the coating is done
        found = [float(coater.ask("MEAS:HARD?")) for _ in range(3)]  # three indentations
    mean = sum(found) / 3
    sem = (sum((f - mean) ** 2 for f in found) / 2 / 3) ** 0.5
    print(json.dumps({"hardness": {"mean": mean, "sem": sem, "n": 3}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
