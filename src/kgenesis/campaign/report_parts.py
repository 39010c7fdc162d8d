"""The parts a report is made of: what the page shows, as data."""

from pydantic import Field

from kgenesis.campaign import analysis
from kgenesis.campaign.acceleration import Acceleration
from kgenesis.campaign.drift import Flag
from kgenesis.campaign.state import Status
from kgenesis.kernel.experiment import FailureKind, Frozen, Outcome, Value, Why
from kgenesis.kernel.text import Text


class Quantity(Frozen):
    """A factor or an outcome, as people read it."""

    name: str
    label: Text
    unit: str = ""
    """As printed."""
    levels: tuple[str, ...] = ()
    goal: str = ""
    """For outcomes: maximize, minimize, hit, or empty for one that is only constrained."""
    target: float | None = None
    value: float | None = None
    """For `hit`: the value."""
    threshold: float | None = None
    is_log: bool = False


class Row(Frozen):
    """One experiment of the table."""

    number: int
    id: str
    conditions: dict[str, Value]
    status: Status
    outcomes: dict[str, Outcome] = Field(default_factory=dict)
    is_feasible: bool | None = None
    """Whether every outcome constraint holds; null if it was not measured."""
    is_best: bool = False
    is_on_front: bool = False
    reached: bool = False
    """Whether it reaches every target."""
    why: Why
    why_text: Text
    failure: Text | None = None
    failure_kind: FailureKind | None = None
    cost: float
    seconds: float | None = None
    """What the lab took."""
    finished_at: str | None = None


class Band(Frozen):
    """The reference's best so far after n experiments, in the unit of the curve; null where nothing counts yet."""

    n: tuple[int, ...]
    median: tuple[float | None, ...]
    low50: tuple[float | None, ...]
    high50: tuple[float | None, ...]
    low95: tuple[float | None, ...]
    high95: tuple[float | None, ...]
    expected: tuple[float | None, ...] = ()
    """The mean, where it is known exactly."""


class Progress(Frozen):
    """Best so far against the number of experiments."""

    quantity: Text
    unit: str
    is_less_better: bool
    best: tuple[float | None, ...]
    """After experiment 1, 2, …; with several objectives the share of the best hypervolume known."""
    values: tuple[float | None, ...]
    """Of each experiment by itself; empty with several objectives."""
    counts: tuple[bool, ...]
    """Whether each keeps every outcome constraint."""
    target: float | None = None
    band: Band | None = None


class Enhancement(Frozen):
    """Enhancement factor at one budget."""

    n: int
    value: float | None


class Gain(Frozen):
    """What was gained over the reference."""

    headline: Acceleration | None
    levels: tuple[Acceleration, ...]
    definition: Text
    enhancement: tuple[Enhancement, ...]
    """EF(n) = best of the campaign / median best of the reference as outcomes (turned over for minimise)."""
    regret: float | None
    """(best known - found) / (best known - median): 0 is the best known."""
    regret_of_reference: float | None
    """The same for the reference's median search after as many experiments."""
    hypervolume: float | None
    """With several objectives: in the product of their units, from thresholds or the worst known."""
    reference: Text
    n_repeats: int


class FailureGroup(Frozen):
    """Failures of one kind."""

    kind: FailureKind
    text: Text
    n: int
    reasons: tuple[tuple[Text, tuple[int, ...]], ...]
    """Each reason with the numbers of its experiments."""


class Provenance(Frozen):
    """What one needs to do it again, and to know that it was the same."""

    campaign: str
    mission: str
    spec_hash: str
    reference_key: str
    reference_made_by: str
    seed: int
    planner: str
    lab: str
    lab_version: str
    versions: dict[str, str]
    opened_at: str
    last_at: str
    made_at: str
    command: str


class Report(Frozen):
    """A report, whole."""

    kgenesis_report: int = 1
    title: Text
    summary: Text
    field: str
    technology: str
    status: Text
    is_open: bool
    headline: Text
    sentences: tuple[Text, ...]
    n_proposed: int
    n_measured: int
    n_failed: int
    n_infeasible: int
    """Measured, but an outcome constraint did not hold."""
    target: Text | None
    target_reached: bool
    factors: tuple[Quantity, ...]
    outcomes: tuple[Quantity, ...]
    best: Row | None
    """With several objectives the most balanced point of the front."""
    progress: Progress
    gain: Gain | None
    front: tuple[int, ...]
    """Numbers of the experiments that no other beats; only with several objectives."""
    sensitivity: tuple[analysis.Sensitivity, ...]
    slices: tuple[analysis.Slice, ...]
    validation: tuple[analysis.Validation, ...]
    trust: tuple[Text, ...]
    experiments: tuple[Row, ...]
    failures: tuple[FailureGroup, ...]
    provenance: Provenance
    seconds: float
    """Wall time of the campaign."""
    lab_seconds: float
    cost: float
    cost_unit: str
    flags: tuple[Flag, ...] = ()
    """Drift, differences between batches and outliers; their texts are among the notes."""
    notes: tuple[Text, ...]
