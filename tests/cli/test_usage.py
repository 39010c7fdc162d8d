"""Exit codes and messages: 0 done, 1 failed, 2 bad input, 3 refused, 130 interrupted."""

import json
import subprocess

import pytest
from program import PROGRAM

from kgenesis.cli.ending import exit_code_of
from kgenesis.kernel.errors import CampaignEnded, InvalidSpec, StoreUnavailable
from kgenesis.kernel.text import say


@pytest.mark.parametrize(
    ("arguments", "english", "korean"),
    [
        (["rnu"], "No such command", "그런 명령이 없습니다"),
        (["run"], "Missing argument", "필요합니다"),
        (["run", "x", "--bugdet", "3"], "No such option", "옵션이 없습니다"),
        (["run", "x", "--budget"], "--budget", "--budget"),
        (["run", "x", "--workers", "many"], "--workers", "올바르지 않은 값"),
        (["run", "x", "--workers", "0"], "--workers", "올바르지 않은 값"),
        (["run", "x", "--seed", "-1"], "--seed", "올바르지 않은 값"),
        (["doctor", "more"], "unexpected", "남는 인자"),
        (["schema", "campaign"], "mission", "mission"),
        (["new", "mission", "--lab", "moon"], "'moon'", "'moon'"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2_and_says_what_to_do(cli, arguments, english, korean):
    said = cli.inside(*arguments, rc=2)
    assert english in said.stderr
    assert "--help` says how" in said.stderr
    assert said.stdout == ""
    said = cli.inside(*arguments, rc=2, lang="ko")
    assert korean in said.stderr
    assert "사용법을 보세요" in said.stderr
    assert not cli.store.exists()


def test_no_command_at_all_is_the_help_page_and_exit_code_2(cli):
    assert "Usage: kgenesis" in cli(rc=2).stderr
    assert "Usage: kgenesis new" in cli.inside("new", rc=2).stderr


def test_with_json_an_error_is_one_object_on_stdout(cli):
    done = cli("run", "no-such-mission", "--json", rc=2)
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "not-found"
    assert "no-such-mission" in error["detail"]["en"]
    assert "no-such-mission" in error["detail"]["ko"]
    assert error["hint"]["ko"]
    assert done.stderr == ""
    usage = json.loads(cli.inside("run", "x", "--json", "--workers", "0", rc=2).stdout)["error"]
    assert set(usage) == set(error)
    assert usage["code"] == "usage"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidSpec(say("a", "가")), 2),
        (CampaignEnded(say("a", "가")), 3),
        (StoreUnavailable(say("a", "가")), 1),
        (KeyboardInterrupt(), 130),
        (ValueError("a mistake of ours"), 1),
        (PermissionError(13, "Permission denied", "next.csv"), 1),
    ],
)
def test_every_kind_of_error_has_its_exit_code(error, code, capsys):
    assert exit_code_of(error, is_json=False) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err


def test_what_should_not_happen_shows_its_traceback_only_when_asked(capsys, monkeypatch):
    assert exit_code_of(ValueError("a mistake of ours"), is_json=False) == 1
    assert "KGENESIS_DEBUG=1" in capsys.readouterr().err
    monkeypatch.setenv("KGENESIS_DEBUG", "1")
    assert exit_code_of(ValueError("a mistake of ours"), is_json=False) == 1
    assert "ValueError: a mistake of ours" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(cli):
    command = f"{PROGRAM} schema mission | head -c 20"
    done = subprocess.run(["bash", "-c", command], env=cli.env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout) == 20


def test_a_terminal_without_korean_letters_still_gets_an_answer(cli):
    done = cli("doctor", "--lang", "ko", rc=None, PYTHONIOENCODING="ascii")
    assert "Traceback" not in done.stderr
    assert done.stdout
