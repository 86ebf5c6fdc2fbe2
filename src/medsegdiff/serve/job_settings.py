"""The settings of a job: what a form may say, checked against what the model offers."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from medsegdiff.component import Config
from medsegdiff.serve.refusals import Refused


class JobSettings(Config):
    """What a person may choose for a job; None takes what is kept with the weights.

    Args:
        model: its id; None takes the first.
        members: masks drawn.
        steps: from noise to mask.
        seed: another seed, other masks.
        ensemble: how masks are fused.
    """

    model: str | None = None
    members: int | None = Field(default=None, strict=True)
    steps: int | None = Field(default=None, strict=True)
    seed: int | None = Field(default=None, strict=True)
    ensemble: str | None = None


def checked_settings(values: dict[str, Any], models: list[dict[str, Any]]) -> dict[str, Any]:
    """Settings with the model's defaults filled in.

    Args:
        values: as the client has sent them.
        models: as they are described.

    Raises:
        Refused: 422, names each wrong setting and what is expected.
    """
    try:
        given = JobSettings.model_validate(values).model_dump()
    except ValidationError as error:
        wrong = "; ".join(_fault(one["loc"], one["type"]) for one in error.errors())
        raise Refused(422, f"These settings cannot be used: {wrong[:400]}.") from None
    known = {model["id"]: model for model in models}
    model_id = given.pop("model") or models[0]["id"]
    if model_id not in known:
        listed = ", ".join(known)
        raise Refused(422, f"There is no such model. Choose one of: {listed}.")
    chosen = {"model": model_id}
    for name, schema in known[model_id]["settings_schema"]["properties"].items():
        value = given[name] if given[name] is not None else schema["default"]
        _check(name, value, schema)
        chosen[name] = value
    return chosen


def _check(name: str, value: Any, schema: dict[str, Any]) -> None:
    if "enum" in schema and value not in schema["enum"]:
        raise Refused(422, f"{name} must be one of: {', '.join(schema['enum'])}.")
    if "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        raise Refused(422, f"{name} must be {schema['minimum']} to {schema['maximum']}.")


def _fault(place: tuple[int | str, ...], kind: str) -> str:
    """What is wrong with one setting, and what is expected."""
    name = ".".join(str(one)[:40] for one in place)
    if kind == "extra_forbidden":
        return f"there is no setting {name}, only {', '.join(JobSettings.model_fields)}"
    return f"{name} must be {'a word' if kind == 'string_type' else 'a whole number'}"
