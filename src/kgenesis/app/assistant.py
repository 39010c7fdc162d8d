"""An optional assistant that drafts and criticises questions: any OpenAI-compatible endpoint, off unless it is set.

Whatever it writes carries the model's name, the endpoint's host and the time, and passes the same checks as what people
write. It writes files; only a person puts them into the log.
"""

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kgenesis.app.mission_files import invalid, parse_yaml
from kgenesis.app.question_files import question_of, write_text
from kgenesis.atlas import load_atlas
from kgenesis.kernel.errors import BadInput, InvalidSpec, KGenesisError
from kgenesis.kernel.events import time_now
from kgenesis.kernel.text import Text, say
from kgenesis.questions import decide
from kgenesis.questions.rubrics import measures
from kgenesis.questions.spec import Machine, ReviewFile
from kgenesis.questions.state import QuestionState

URL, MODEL, KEY = "KGENESIS_ASSISTANT_URL", "KGENESIS_ASSISTANT_MODEL", "KGENESIS_ASSISTANT_KEY"
SECONDS = 60.0
_LARGEST = 1_000_000
"""Bytes of an answer that are read at most."""
_FENCE = re.compile(r"^\s*```[\w-]*\n(.*?)\n?```\s*$", re.DOTALL)

_HINT = say(
    "Nothing was written. The assistant is optional: every command works without it.",
    "아무것도 쓰지 않았습니다. 도우미는 선택 사항이며, 모든 명령은 없이도 됩니다.",
)


@dataclass(frozen=True, slots=True)
class Assistant:
    """Where to ask, and which model."""

    url: str
    """Base of the interface, e.g. `http://localhost:8000/v1`."""
    model: str
    key: str = ""
    seconds: float = SECONDS

    @property
    def host(self) -> str:
        """The endpoint's host, which is written into whatever it makes; never the whole address, which may hold secrets."""
        parts = urllib.parse.urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def find_assistant(url: str | None = None, model: str | None = None, seconds: float = SECONDS) -> Assistant:
    """Return the assistant that options or the environment name.

    Raises:
        BadInput: none is set, or its address is not one.
    """
    url, model = url or os.environ.get(URL, ""), model or os.environ.get(MODEL, "")
    if not url or not model:
        raise BadInput(
            say("no assistant is set", "도우미가 설정되지 않았습니다"),
            hint=say(
                f"It is optional. Set {URL} (e.g. http://localhost:8000/v1), {MODEL} and, if needed, {KEY}.",
                f"선택 사항입니다. {URL}(예: http://localhost:8000/v1)과 {MODEL}, 필요하면 {KEY}를 설정하세요.",
            ),
        )
    try:
        parts = urllib.parse.urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise BadInput(
            say("the assistant's address is not an http(s) address", "도우미의 주소가 http(s) 주소가 아닙니다"),
            hint=say("Write it as http://localhost:8000/v1.", "http://localhost:8000/v1처럼 쓰세요."),
        )
    return Assistant(url.rstrip("/"), model, os.environ.get(KEY, ""), seconds)


def draft_question(assistant: Assistant, topic: str, path: Path, *, may_replace: bool = False) -> Path:
    """Write a question file about a topic, drafted by the assistant.

    What is known and the current best are left out whatever it says: a machine's citations are not evidence.

    Raises:
        KGenesisError: it cannot be reached, or does not answer in time or as it should.
        InvalidSpec: what it drafted is not a valid question; each mistake is named.
        BadInput: the file exists already.
    """
    ids = ", ".join(technology.id for technology in load_atlas().technologies)
    data = dict(_object(_ask(assistant, _DRAFT.format(technologies=ids), topic)))
    for name in ("known", "parent", "machine", "mission"):
        data.pop(name, None)
    if isinstance(data.get("target"), Mapping):
        data["target"] = {k: v for k, v in data["target"].items() if k not in {"current_best", "source"}}
    data["machine"] = _mark(assistant).model_dump()
    question = question_of(data, f"{assistant.model}")
    text = yaml.safe_dump(decide.written(question), allow_unicode=True, sort_keys=False, width=110)
    return write_text(path, f"# Drafted by {assistant.model}: check every word.\n{text}", may_replace=may_replace)


def criticise(
    assistant: Assistant, state: QuestionState, rubric: str, path: Path, *, may_replace: bool = False
) -> Path:
    """Write a review of a question, made by the assistant; as a person's, each score must quote the question.

    Raises:
        KGenesisError: it cannot be reached, or does not answer in time or as it should.
        InvalidSpec, BadInput: its review is not valid, or quotes what is not in the question; each score is named.
        Refused: the question is not judged any more.
    """
    decide.check_possible(state, "review")
    found = measures().rubric(rubric)
    asked = "\n".join(f"{criterion.id}: {criterion.ask.en}" for criterion in found.criteria)
    told = yaml.safe_dump(decide.written(state.question), allow_unicode=True, sort_keys=False, width=10_000)
    data = {
        **_object(_ask(assistant, _CRITICISE.format(criteria=asked), told)),
        "rubric": found.id,
        "machine": _mark(assistant).model_dump(),
    }
    try:
        review = ReviewFile.model_validate(data)
    except ValidationError as error:
        raise invalid(error, assistant.model, None, data) from error
    decide.reviewed(state, review, assistant.model)  # the same gate as for people: a false quote is refused
    text = yaml.safe_dump(review.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=110)
    return write_text(path, f"# Written by {assistant.model}.\n{text}", may_replace=may_replace)


_DRAFT = """You help people to ask grand research questions. Answer with one JSON object and nothing else, with the keys
name (lower-case words joined by hyphens), statement, technologies (one to three of: {technologies}),
target (an object: quantity, unit as the Python library pint reads it, goal "maximize" or "minimize", value: a number),
falsified_if, why_now, limit, first_experiment, mid_term_exam, final_exam, horizon_years (a number), risks (a list),
people (a list). Every text is an object with the keys en and ko. Cite nothing and claim no current record."""
_CRITICISE = """You judge a research question by these criteria:
{criteria}
Answer with one JSON object and nothing else: {{"scores": {{criterion: {{"score": 1 to 5, "quote": a passage of the question
copied letter by letter, "why": one sentence}}}}, "advice": "accept", "sharpen", "split" or "reject", "summary": one sentence}}.
A score without a true quote is refused."""


def _mark(assistant: Assistant) -> Machine:
    return Machine(model=assistant.model, endpoint=assistant.host, at=time_now())


def _ask(assistant: Assistant, system: str, user: str) -> str:
    """Return what the assistant answers."""
    body = {
        "model": assistant.model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        "temperature": 0,
    }
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {assistant.key}"} if assistant.key else {}
    )
    request = urllib.request.Request(  # noqa: S310  (`find_assistant` lets http and https in only)
        f"{assistant.url}/chat/completions", json.dumps(body).encode(), headers
    )
    try:
        with _OPENER.open(request, timeout=assistant.seconds) as answer:
            content = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise _failed(say(f"it answered {error.code}", f"응답 코드 {error.code}"), assistant) from error
    except TimeoutError as error:
        raise _failed(_late(assistant), assistant) from error
    except (OSError, ValueError) as error:  # URLError is an OSError; http.client raises ValueErrors for odd addresses
        reason = getattr(error, "reason", error)
        said = _late(assistant) if isinstance(reason, TimeoutError) else say(str(reason), str(reason))
        raise _failed(said, assistant) from error
    return _content(content, assistant)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is sent to the host that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _content(answer: bytes, assistant: Assistant) -> str:
    if len(answer) > _LARGEST:
        raise _failed(say("its answer is too long", "응답이 너무 깁니다"), assistant)
    try:
        content = json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        text = say("its answer is not that of a chat completion", "응답이 채팅 완성의 형식이 아닙니다")
        raise _failed(text, assistant) from error
    if not isinstance(content, str) or not content.strip():
        raise _failed(say("its answer is empty", "응답이 비어 있습니다"), assistant)
    return content


def _object(content: str) -> dict[str, Any]:
    """Return the object an answer holds, with or without a fence around it."""
    fenced = _FENCE.match(content)
    try:
        data, _ = parse_yaml(fenced[1] if fenced else content)  # JSON is YAML
    except InvalidSpec as error:
        raise _nonsense(content) from error
    if not isinstance(data, dict):
        raise _nonsense(content)
    return data


def _nonsense(content: str) -> KGenesisError:
    shown = repr(content if len(content) <= 80 else f"{content[:77]}…")  # noqa: PLR2004
    return KGenesisError(
        say(f"the assistant answered no object but {shown}", f"도우미의 답이 객체가 아닙니다: {shown}"), hint=_HINT
    )


def _late(assistant: Assistant) -> Text:
    return say(f"no answer within {assistant.seconds:g} s", f"{assistant.seconds:g}초 안에 답이 없습니다")


def _failed(why: Text, assistant: Assistant) -> KGenesisError:
    return KGenesisError(
        say(f"the assistant at {assistant.host} failed: {why.en}", f"도우미({assistant.host}) 오류: {why.ko}"),
        hint=_HINT,
    )
