"""Ctrl-C, SIGTERM and kill -9: nothing is lost, nothing is done twice, and the way on is said."""

import json
import os
import pty
import re
import select
import signal
import time

import pytest
from program import MISSION, PROGRAM

SLOW = MISSION.replace("function: branin", "function: branin, seconds: 0.4") + "parallel: 2\n"


def events(cli):
    return [json.loads(line) for line in cli.inside("campaign", "log", "last", "--json").stdout.splitlines()]


def wait_until_measured(cli, process, n, seconds=60):
    """Wait until so many lines of finished experiments came out."""
    for line in process.stdout:
        if re.match(rf"^ +{n}/\d+  ", line):
            return
    pytest.fail(f"it ended before {n} experiments: {process.wait()}\n{process.stderr.read()}")


def check_that_nothing_is_lost_or_twice(cli, n):
    """Every experiment has one measurement, and no attempt was begun while another ran."""
    told = events(cli)
    assert told[-1]["type"] == "campaign.stopped"
    measured = [e["body"]["experiment"] for e in told if e["type"] == "experiment.measured"]
    assert len(measured) == len(set(measured)) == n
    started = [(e["body"]["experiment"], e["body"]["attempt"]) for e in told if e["type"] == "experiment.started"]
    assert len(started) == len(set(started))
    proposed = [e["body"]["number"] for e in told if e["type"] == "experiment.proposed"]
    assert proposed == list(range(1, n + 1))
    return [e["body"]["conditions"] for e in told if e["type"] == "experiment.proposed"]


def test_ctrl_c_finishes_what_runs_and_says_how_to_go_on(cli):
    process = cli.start("run", cli.write(SLOW), "--no-report")
    wait_until_measured(cli, process, 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    campaign = re.search(r"kgenesis campaign resume (cmp_\w+)", err).group(1)
    kinds = [e["type"] for e in events(cli)]
    # what ran was finished, not given up
    assert kinds.count("experiment.started") == kinds.count("experiment.measured")
    assert "experiment.released" not in kinds
    assert kinds.count("experiment.measured") < 6
    data = json.loads(cli.inside("campaign", "resume", campaign, "--no-report", "--json").stdout)
    assert data["experiments"]["measured"] == 6
    check_that_nothing_is_lost_or_twice(cli, 6)


@pytest.mark.slow
def test_a_resumed_campaign_is_the_one_nobody_interrupted(cli):
    process = cli.start("run", cli.write(SLOW), "--no-report")
    wait_until_measured(cli, process, 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    cli("campaign", "resume", "last", "--no-report")
    resumed = check_that_nothing_is_lost_or_twice(cli, 6)
    cli("run", "mission.yaml", "--quiet", "--no-report")
    assert check_that_nothing_is_lost_or_twice(cli, 6) == resumed


@pytest.mark.slow
def test_ctrl_c_twice_releases_what_runs(cli):
    process = cli.start("run", cli.write(SLOW.replace("0.4", "3")), "--quiet", "--no-report")
    wait_for_event(cli, "experiment.started")
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 2.5
    assert process.returncode == 130
    assert "campaign resume" in err
    assert [e["type"] for e in events(cli)].count("experiment.released") >= 1


def wait_for_event(cli, type_, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if cli.store.exists() and type_ in cli.inside("campaign", "log", "last", "--json", rc=None).stdout:
            return
        time.sleep(0.1)
    pytest.fail(f"no {type_}")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_end_finishes_what_is_quick(cli, number):
    before = signal.signal(number, signal.SIG_DFL)  # under nohup a program is meant not to hear SIGHUP
    process = cli.start("run", cli.write(SLOW), "--no-report")
    signal.signal(number, before)
    wait_until_measured(cli, process, 1)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 130
    kinds = [e["type"] for e in events(cli)]
    assert kinds.count("experiment.started") == kinds.count("experiment.measured")


def test_kill_9_loses_nothing_and_repeats_nothing(cli):
    process = cli.start("run", cli.write(SLOW), "--no-report")
    wait_until_measured(cli, process, 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    before = [e["body"]["experiment"] for e in events(cli) if e["type"] == "experiment.measured"]
    assert len(before) >= 3
    assert cli.json("campaign", "resume", "last", "--no-report")["experiments"]["measured"] == 6
    check_that_nothing_is_lost_or_twice(cli, 6)
    after = [e["body"]["experiment"] for e in events(cli) if e["type"] == "experiment.measured"]
    assert after[: len(before)] == before
    assert json.loads(cli.inside("campaign", "verify", "--json").stdout)["is_intact"]


@pytest.mark.slow
def test_with_json_an_interrupted_run_prints_its_object_as_well(cli):
    process = cli.start("run", cli.write(SLOW), "--json", "--no-report")
    wait_for_event(cli, "experiment.measured")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    data = json.loads(out)
    assert data["interrupted"]
    assert data["campaign"].startswith("cmp_")


@pytest.mark.slow
def test_two_processes_never_run_one_campaign(cli):
    process = cli.start("run", cli.write(SLOW), "--budget", "100", "--no-report")
    wait_until_measured(cli, process, 1)
    assert cli.inside("campaign", "resume", "last", rc=3).stderr.startswith("[campaign.busy]")
    assert process.poll() is None


@pytest.mark.slow
def test_stop_from_another_terminal_drains_the_campaign(cli):
    process = cli.start("run", cli.write(SLOW), "--budget", "100", "--no-report")
    wait_until_measured(cli, process, 1)
    assert "ends once its runner" in cli.inside("campaign", "stop", "last", "-r", "enough").stderr
    process.communicate(timeout=60)
    assert process.returncode == 0
    told = events(cli)
    assert told[-1]["body"]["reason"] == "asked"
    kinds = [e["type"] for e in told]
    assert kinds.count("experiment.started") == kinds.count("experiment.measured")


class Terminal:
    """A terminal of 100 x 30 with `kgenesis` in it."""

    def __init__(self, cli, *arguments):
        import fcntl
        import struct
        import termios

        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.chdir(cli.folder)
            os.execve(  # noqa: S606  (there is no other way to give it this terminal)
                PROGRAM, [str(PROGRAM), *arguments], cli.env | {"TERM": "xterm-256color"}
            )
        self.seen = ""

    def read_until(self, pattern, seconds=60):
        until = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            assert time.monotonic() < until, self.seen
            ready, _, _ = select.select([self.handle], [], [], 0.2)
            if ready:
                try:
                    self.seen += os.read(self.handle, 65536).decode(errors="replace")
                except OSError:  # Linux says so when the other end has closed
                    break
        assert re.search(pattern, self.seen), self.seen

    def type(self, keys):
        os.write(self.handle, keys)

    def end(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.parametrize(
    ("language", "running", "asked", "resume"),
    [
        ("en", r"[1-9] done, \d failed, \d running", "Ctrl-C again releases it now", "nothing is lost"),
        pytest.param(
            "ko", r"완료 [1-9], 실패 \d, 실행 중 \d", "한 번 더 누르면", "잃은 것은 없습니다", marks=pytest.mark.slow
        ),
    ],
)
def test_on_a_terminal_there_is_a_live_view_and_ctrl_c_says_what_it_does(cli, language, running, asked, resume):
    terminal = Terminal(cli, "run", cli.write(SLOW), "--budget", "30", "--no-report", "--lang", language)
    terminal.read_until(running)
    terminal.type(b"\x03")
    terminal.read_until(asked)
    terminal.read_until(resume)
    terminal.read_until(r"kgenesis campaign resume cmp_")
    assert terminal.end() == 130
    assert "^C" not in terminal.seen
