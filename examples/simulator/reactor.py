"""A simulator that is a program: conditions as JSON on standard input, outcomes as JSON on standard output.

A -> B -> C in a continuous stirred tank at steady state; rates after Arrhenius. Made up for the example.
"""

import json
import math
import sys

GAS = 8.314462618  # J/mol/K (CODATA 2018)
VOLUME = 500.0  # L
CLOGS_ABOVE = 3000.0  # mol s/L
HEAT = 60.0  # kJ per mol of A that reacts

conditions = json.load(sys.stdin)
temperature, time, feed = conditions["temperature"], conditions["residence_time"], conditions["feed"]
if feed * time > CLOGS_ABOVE:
    print("the product crystallises and blocks the outlet", file=sys.stderr)
    sys.exit(3)
first = 4.0e7 * math.exp(-60_000 / (GAS * temperature))
second = 1.5e10 * math.exp(-85_000 / (GAS * temperature))
a = feed / (1 + first * time)
b = first * time * a / (1 + second * time)
heat = HEAT * VOLUME * first * a  # kW
print(json.dumps({"intermediate": b, "heat": heat}))
