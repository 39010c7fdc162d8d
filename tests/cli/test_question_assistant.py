"""The assistant: against a real server on this machine, and everything a server can do wrong; nothing is written then."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from test_question import ask, judge, put, read, refused, shown, written

DRAFT = {k: v for k, v in read().items() if k not in {"kgenesis", "mission"}}
SCORES = {
    name: {"score": 5, "quote": "by the shape of the current alone", "why": "it says so"}
    for name in ("consequential", "under-explored", "ripe")
}
REVIEW = {"scores": SCORES, "advice": "accept", "summary": "Very good."}


class Server:
    """An OpenAI-compatible endpoint that answers as it is told."""

    def __init__(self) -> None:
        self.answer, self.status, self.delay, self.raw, self.location = "", 200, 0.0, None, ""
        self.requests = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.requests.append((self.path, dict(self.headers), body))
                time.sleep(told.delay)
                content = {"choices": [{"message": {"role": "assistant", "content": told.answer}}]}
                raw = json.dumps(content).encode() if told.raw is None else told.raw
                try:
                    self.send_response(told.status)
                    if told.location:
                        self.send_header("Location", told.location)
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    pass  # who asked has gone

            def log_message(self, *_):
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/v1"
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setenv("KGENESIS_ASSISTANT_URL", made.url)
    monkeypatch.setenv("KGENESIS_ASSISTANT_MODEL", "a-model")
    monkeypatch.setenv("KGENESIS_ASSISTANT_KEY", "s3cret")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield made
    made.close()


@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```", "```\n{}```"])
def test_a_draft_is_a_valid_question_marked_as_a_machines_without_its_citations(cli, server, fence):
    server.answer = fence.replace("{}", json.dumps(DRAFT))
    cli.inside("question", "draft", "fast charging", "-o", "draft.yaml")
    made = yaml.safe_load((cli.folder / "draft.yaml").read_text("utf-8"))
    assert made["machine"]["model"] == "a-model"
    assert made["machine"]["endpoint"] == server.url.split("/")[2]
    assert "known" not in made
    assert "current_best" not in made["target"]
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer s3cret"
    assert body["model"] == "a-model"
    assert body["messages"][-1]["content"] == "fast charging"
    assert "s3cret" not in (cli.folder / "draft.yaml").read_text("utf-8")
    cli.inside("question", "propose", "draft.yaml", "--by", "Ahn")
    assert shown(cli, "last")["machine"]["model"] == "a-model"
    assert written(cli)[0].body.count('"machine"') == 1


def test_the_mark_stays_when_a_person_sharpens_what_a_machine_drafted(cli, server):
    server.answer = json.dumps(DRAFT)
    cli.inside("question", "draft", "fast charging", "-o", "draft.yaml")
    cli.inside("question", "propose", "draft.yaml", "--by", "Ahn")
    cli.inside("question", "sharpen", "last", put(cli, read()), "--by", "Ahn")
    assert shown(cli, "last")["machine"]["model"] == "a-model"


def test_a_machines_review_is_kept_and_marked_and_does_not_open_the_gate(cli, server):
    id_ = ask(cli)
    server.answer = json.dumps(REVIEW)
    cli.inside("question", "criticise", id_, "--rubric", "aria", "-o", "review.yaml")
    cli.inside("question", "review", id_, "review.yaml", "--by", "Baek")
    judge(cli, id_, "Cho")
    found = shown(cli, id_)
    assert [o["is_machine"] for o in found["rubrics"][0]["criteria"][0]["opinions"]] == [True, False]
    assert found["rubrics"][0]["complete_by"] == ["Cho"]
    refused(cli, "question", "accept", id_, "--by", "Director", rc=3)


def test_a_machine_that_quotes_what_is_not_there_is_refused_naming_the_score(cli, server):
    id_ = ask(cli)
    server.answer = json.dumps(REVIEW | {"scores": SCORES | {"ripe": {"score": 5, "quote": "revolutionary results"}}})
    error = refused(cli, "question", "criticise", id_, "--rubric", "aria", "-o", "made.yaml")
    assert {p["field"] for p in error["problems"]} == {"scores.ripe"}
    assert not (cli.folder / "made.yaml").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answer": "I would rather talk about the weather."}, "no object"),
        ({"answer": "[1, 2]"}, "no object"),
        ({"answer": "{broken"}, "no object"),
        ({"answer": "   "}, "empty"),
        ({"raw": b"<html>hello</html>"}, "chat completion"),
        ({"raw": b'{"choices": []}'}, "chat completion"),
        ({"raw": b"\xff\xfe"}, "chat completion"),
        ({"raw": b"null"}, "chat completion"),
        ({"raw": b'"' + b"x" * 1_100_000 + b'"'}, "too long"),
        ({"status": 401}, "401"),
        ({"status": 500}, "500"),
        ({"status": 302, "location": "http://127.0.0.1:9/elsewhere"}, "302"),
        ({"delay": 1.5}, "no answer within"),
    ],
)
def test_a_server_that_answers_nonsense_late_or_not_at_all_is_said_so_and_nothing_is_written(
    cli, server, changes, words
):
    for name, value in changes.items():
        setattr(server, name, value)
    error = refused(cli, "question", "draft", "x", "-o", "draft.yaml", "--timeout", "0.4", rc=1)
    assert words in error["detail"]["en"]
    assert "s3cret" not in json.dumps(error)
    assert not (cli.folder / "draft.yaml").exists()


def test_a_draft_that_is_no_valid_question_is_refused_naming_each_mistake(cli, server):
    server.answer = json.dumps(DRAFT | {"technologies": ["alchemy"], "target": {"value": "fast"}, "extra": 1})
    error = refused(cli, "question", "draft", "gold", "-o", "draft.yaml")
    assert {"technologies[0]", "target.unit", "target.value", "extra"} <= {p["field"] for p in error["problems"]}
    assert not (cli.folder / "draft.yaml").exists()


def test_a_server_that_is_not_there_is_said_so(cli, server):
    port = server.httpd.server_port
    server.httpd.server_close()
    error = refused(
        cli, "question", "draft", "x", "-o", "d.yaml", "--url", f"http://127.0.0.1:{port}/v1", "--timeout", "2", rc=1
    )
    assert "failed" in error["detail"]["en"]


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://a/b", "localhost:8000", "http://", "http://a:notaport/"])
def test_only_an_http_address_is_taken(cli, url):
    refused(cli, "question", "draft", "x", "-o", "d.yaml", "--url", url, "--model", "m")


def test_without_settings_it_is_off_and_says_how_to_set_it(cli, monkeypatch):
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"KGENESIS_ASSISTANT_{name}", raising=False)
    error = refused(cli, "question", "draft", "x", "-o", "d.yaml")
    assert "KGENESIS_ASSISTANT_URL" in error["hint"]["en"]
    assert not (cli.folder / "d.yaml").exists()


def test_a_file_that_is_there_is_not_written_over(cli, server):
    server.answer = json.dumps(DRAFT)
    cli.write("mine", "draft.yaml")
    refused(cli, "question", "draft", "x", "-o", "draft.yaml")
    assert (cli.folder / "draft.yaml").read_text("utf-8") == "mine"
