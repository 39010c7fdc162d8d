"""The walking robot: mechanics it must obey, and that none of its holes can be exploited."""

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.kernel.experiment import Failure
from kgenesis.labs.simulators.advanced_robotics_manufacturing import gait
from kgenesis.labs.simulators.advanced_robotics_manufacturing.gait import GAITS, LEGS, Gait, Rhythm

pytestmark = pytest.mark.skipif(find_spec("mujoco") is None, reason="MuJoCo is not installed")

GOOD: dict[str, Any] = {
    "gait": "walk",
    "frequency": 2.87,
    "swing": 0.335,
    "lift": 0.36,
    "lag": -0.016,
    "bend": 0.638,
    "lean": -0.071,
}


def found(seed: int = 0, **changes: Any) -> Any:
    """Return what the laboratory says of the good rhythm, changed."""
    return Gait().simulate({**GOOD, **changes}, np.random.default_rng(seed))


def refused(result: object) -> Failure:
    """Return what must be a failure."""
    assert isinstance(result, Failure), result
    return result


def refused_or_speed(result: Any) -> str | float:
    """Return the speed, or why there is none."""
    return result.reason.en if isinstance(result, Failure) else float(result["speed"])


def test_pendulum_and_free_fall_are_those_of_mechanics() -> None:
    checks = list(Gait().checks())
    assert len(checks) == 2
    assert [check for check in checks if not check.holds] == []


def test_the_robot_weighs_what_its_page_says_and_has_a_servo_for_every_joint() -> None:
    model = gait.robot()
    assert float(model.body_mass.sum()) == pytest.approx(12.0)
    assert model.nu == 2 * len(LEGS) == model.nv - 3


def test_the_rhythm_starts_from_the_stance_and_repeats_after_a_cycle() -> None:
    stance = np.tile([0.4, -0.8], 4)
    rhythm = Rhythm({**GOOD, "lean": 0.0}, stance)
    assert rhythm.at(0.0) == pytest.approx(stance)
    assert rhythm.at(2.0) == pytest.approx(rhythm.at(2.0 + 1 / GOOD["frequency"]))
    assert (rhythm.at(2.3)[1::2] <= stance[1::2]).all()  # knees only lift


@pytest.mark.parametrize("name", GAITS)
def test_legs_of_a_gait_move_as_its_phases_say(name: str) -> None:
    rhythm = Rhythm({**GOOD, "gait": name, "lean": 0.0, "lift": 0.0}, np.zeros(8))
    shifted = [rhythm.at(3.0 + phase / GOOD["frequency"])[0] for phase in GAITS[name]]
    assert rhythm.at(3.0)[::2] == pytest.approx(shifted, abs=1e-9)


def test_a_steady_walk_forgets_how_it_started() -> None:
    one, same, other = found(1), found(1), found(2)
    assert one == same
    assert one["speed"] > 0.8
    assert one["speed"] == pytest.approx(other["speed"], rel=0.01)
    assert 0.1 < one["cost_of_transport"] < 3


def test_an_unsteady_one_does_not() -> None:
    pace = {
        "gait": "pace",
        "frequency": 3.45,
        "swing": 0.443,
        "lift": 0.62,
        "lag": -0.062,
        "bend": 0.4556,
        "lean": -0.146,
    }
    speeds = {refused_or_speed(found(seed, **pace)) for seed in range(3)}
    assert len(speeds) == 3


def test_falling_forward_is_not_walking() -> None:
    failure = refused(found(lean=0.5, frequency=0.3, swing=0.0, lift=0.0, bend=0.1))
    assert failure.kind == "infeasible"
    assert "fell" in failure.reason.en


def test_standing_still_is_not_cheap_walking() -> None:
    failure = refused(found(swing=0.0, lift=0.0, lean=0.0, bend=0.4))
    assert failure.kind == "infeasible"
    assert "anywhere" in failure.reason.en


@pytest.mark.parametrize(
    "change", [{"frequency": 50.0}, {"swing": math.nan}, {"lift": 3.0}, {"lag": math.inf}, {"gait": "gallop"}]
)
def test_rhythms_no_servo_follows_are_infeasible(change: dict[str, Any]) -> None:
    assert refused(found(**change)).kind == "infeasible"


def test_energy_that_no_motor_gave_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    import mujoco

    step = mujoco.mj_step

    def kick(model: Any, data: Any) -> None:
        step(model, data)
        if 2.5 < data.time < 2.505:
            data.qvel[0] += 2.0

    monkeypatch.setattr(mujoco, "mj_step", kick)
    failure = refused(found())
    assert failure.kind == "crashed"
    assert "energy" in failure.reason.en


def test_a_robot_that_flies_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gait, "MAX_HEIGHT", 0.3)
    assert refused(found()).kind == "crashed"


def test_motors_never_give_more_than_their_torque() -> None:
    assert (gait.robot().actuator_forcerange == [-25.0, 25.0]).all()


def test_without_lag_a_knee_is_bent_most_in_the_middle_of_its_legs_forward_swing() -> None:
    times = 2 + np.arange(1000) / 1000 / GOOD["frequency"]
    rhythm = Rhythm({**GOOD, "gait": "trot", "lag": 0.0, "lean": 0.0}, np.zeros(8))
    wanted = np.array([rhythm.at(time) for time in times])
    most_bent = wanted[:, 1].argmin()
    hip = wanted[:, 0]
    assert hip[most_bent] == pytest.approx(0.0, abs=0.01)
    assert hip[(most_bent + 10) % 1000] < hip[most_bent - 10]  # a hip that turns down swings its leg forward


def test_half_a_turn_later_the_robot_walks_backwards() -> None:
    assert found(lag=GOOD["lag"] + 0.5)["speed"] < 0 < found()["speed"]


def test_the_ground_differs_between_experiments_and_feet_slip_by_its_friction() -> None:
    model = gait.robot()
    grounds = set()
    for seed in range(5):
        found(seed)
        grounds.add(float(model.geom("ground").friction[0]))
    assert len(grounds) == 5
    assert all(gait.FRICTION[0] <= friction <= gait.FRICTION[1] for friction in grounds)
    assert (model.geom_priority == [1, *[0] * (model.ngeom - 1)]).all()  # the ground's friction, not the feet's, counts
