"""A stand-in for a coater: a TCP server that understands the few SCPI commands of `driver.py`. Its physics is made up."""

import math
import random
import socketserver
import sys

ARC = 900.0
"""W/Pa; above, the plasma arcs."""


class Coater(socketserver.StreamRequestHandler):
    """One connection: settings, an error queue of one entry, and a plasma that may not burn."""

    def handle(self) -> None:
        """Answer line by line until the other side hangs up."""
        self.set_to = {"POW": 0.0, "PRES": 1.0, "BIAS": 0.0}
        self.error, self.is_on = '0,"No error"', False
        for raw in self.rfile:
            answer = self.obey(raw.decode("ascii").strip())
            if answer is not None:
                self.wfile.write(f"{answer}\n".encode("ascii"))

    def obey(self, line: str) -> str | None:
        """Carry out one command; return its answer, if it has one."""
        command, _, value = line.partition(" ")
        if command.startswith("SOUR:"):
            self.set_to[command.removeprefix("SOUR:")] = float(value)
            if self.set_to["POW"] / self.set_to["PRES"] > ARC:
                self.error = '-200,"arc interlock: too much power for this pressure"'
        elif command == "SYST:ERR?":
            said, self.error = self.error, '0,"No error"'
            return said
        elif command == "OUTP":
            self.is_on = value == "ON"
        elif command == "*OPC?":
            return "1"
        elif command == "MEAS:HARD?":
            return f"{self.hardness() + random.gauss(0, 0.2):.3f}"
        return None

    def hardness(self) -> float:
        """GPa; highest where ions arrive fast enough to densify and not so fast that they resputter."""
        power, pressure, bias = (self.set_to[name] for name in ("POW", "PRES", "BIAS"))
        energy = bias * math.exp(-pressure / 0.9) + 0.03 * power
        return 6 + 22 * math.exp(-(((energy - 48) / 22) ** 2)) * (1 - math.exp(-power / 90)) * (pressure / 0.4) ** -0.2


class Server(socketserver.ThreadingTCPServer):
    """Frees its address at once when it ends."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5025
    with Server(("127.0.0.1", port), Coater) as server:
        print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
