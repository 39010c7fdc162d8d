"""K-Genesis: closed-loop R&D where AI chooses the next experiment and the gain is measured.

    from kgenesis import Mission, run

    campaign = run("battery-fast-charge", seed=7)
    campaign.report("report.html")

Names are loaded when first used, so that `import kgenesis` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgenesis.app.exchange.gest import GestGenerator
    from kgenesis.app.exchange.optuna import OptunaSampler
    from kgenesis.app.python_face import Campaign, load_mission, open_campaign, run
    from kgenesis.campaign.spec import Mission
    from kgenesis.kernel.errors import KGenesisError
    from kgenesis.kernel.experiment import Failure, Measurement, Outcome

__version__ = "0.1.0"

_HOMES = {
    "Campaign": "kgenesis.app.python_face",
    "Failure": "kgenesis.kernel.experiment",
    "GestGenerator": "kgenesis.app.exchange.gest",
    "KGenesisError": "kgenesis.kernel.errors",
    "Measurement": "kgenesis.kernel.experiment",
    "Mission": "kgenesis.campaign.spec",
    "OptunaSampler": "kgenesis.app.exchange.optuna",
    "Outcome": "kgenesis.kernel.experiment",
    "load_mission": "kgenesis.app.python_face",
    "open_campaign": "kgenesis.app.python_face",
    "run": "kgenesis.app.python_face",
}

__all__ = [
    "Campaign",
    "Failure",
    "GestGenerator",
    "KGenesisError",
    "Measurement",
    "Mission",
    "OptunaSampler",
    "Outcome",
    "load_mission",
    "open_campaign",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
