"""Settings from outside: recipes, `path=value` words and keywords, checked and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from medsegdiff.component import Component, Config, import_plugins
from medsegdiff.engine.config import PredictConfig, RunConfig
from medsegdiff.errors import ConfigError

RECIPES = Path(__file__).parent / "recipes"


def read_run_config(recipe: str | None = None, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run's settings from a recipe and from overrides such as `train.batch_size=8`.

    Args:
        recipe: a YAML file, or the name of a bundled recipe; None keeps the defaults.
        overrides: dotted path, equals sign, YAML value.

    Raises:
        ConfigError: an unknown recipe or key, or a value out of range.
    """
    import_plugins()
    settings = _read_recipe(recipe) if recipe else {}
    defaults = RunConfig().model_dump()
    for override in overrides:
        assign(settings, *parsed(override, "train.batch_size=8"), defaults)
    return validated(RunConfig, settings)


def with_predict(config: PredictConfig, **changes: Any) -> PredictConfig:
    """The same settings with some changed; `steps` are the sampler's.

    A sampler or an ensemble may be a name, a mapping with a name, or the part itself.
    """
    values = config.model_dump()
    steps = changes.pop("steps", None)
    for key, value in changes.items():
        if isinstance(value, Config):
            values[key] = value.model_dump()
        elif isinstance(value, Mapping):
            values[key] = dict(value)
        elif key == "sampler" and isinstance(value, str):
            values[key] = {"name": value, "steps": config.sampler.steps}
        elif value is not None:
            values[key] = value
    if steps is not None:
        assign(values, "sampler.steps", steps, values)
    return validated(PredictConfig, values)


def with_overrides(config: PredictConfig, overrides: Sequence[str]) -> PredictConfig:
    """The same settings with overrides such as `ensemble=staple` or `predict.sampler.eta=1`."""
    values = config.model_dump()
    for override in overrides:
        path, value = parsed(override, "ensemble=staple")
        assign(values, path.removeprefix("predict."), value, values)
    return validated(PredictConfig, values)


def parsed(override: str, example: str) -> tuple[str, Any]:
    """Path and value of a word such as `train.batch_size=8`.

    Raises:
        ConfigError: it is not of this form.
    """
    path, equals, text = override.partition("=")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        equals = ""
        value = None
    if not equals or (value is None and text.strip() not in ("null", "~")):
        raise ConfigError(
            f"{override!r} is not a setting. Write it as path=value, for example {example}."
        )
    return path.strip(), value


def assign(settings: dict[str, Any], path: str, value: Any, defaults: Mapping[str, Any]) -> None:
    """Set one value by its dotted path; a part that is not named yet keeps its default name.

    Raises:
        ConfigError: the path goes through something that has no parts.
    """
    *parents, last = path.split(".")
    default: Any = defaults
    for key in parents:
        default = default.get(key) if isinstance(default, Mapping) else None
        name = default.get("name") if isinstance(default, Mapping) else None
        inner = settings.setdefault(key, {} if name is None else name)
        if isinstance(inner, str):  # a part given by its name only
            settings[key] = inner = {"name": inner}
        if not isinstance(inner, dict):
            raise ConfigError(f"{path} is not a setting: {key} has no parts.")
        settings = inner
    settings[last] = value


def validated(kind: type[Config], values: dict[str, Any]) -> Any:
    """Check values against a settings class.

    Raises:
        ConfigError: names each wrong setting, what was given and what is expected.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"These settings cannot be used: {faults(error, kind)}.") from None


def faults(error: ValidationError, kind: type[Config]) -> str:
    """What is wrong with which setting, in one line."""
    return "; ".join(_fault(one, kind) for one in error.errors())


def differences(now: Config, then: Mapping[str, Any]) -> list[str]:
    """Settings that differ from earlier ones, as "path: earlier value -> value"."""
    old, new = _flat(then), _flat(now.model_dump(mode="json"))
    return [
        f"{path}: {old.get(path, 'not set')} -> {new.get(path, 'not set')}"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _fault(one: ErrorDetails, kind: type[Config]) -> str:
    path = ".".join(map(str, one["loc"]))
    if one["type"] == "extra_forbidden":
        return f"there is no setting {path}{_nearest(kind, one['loc'])}"
    expected = one["msg"].replace("Input should be", "must be").replace("Value error, ", "")
    return f"{path}: {expected} (given: {_shortened(one['input'])})" if path else expected


def _nearest(kind: type[Config], path: tuple[int | str, ...]) -> str:
    """The settings that an unknown one may have meant."""
    place: Any = kind.model_construct()
    for key in path[:-1]:
        place = getattr(place, str(key), None)
    if not isinstance(place, BaseModel):
        return ""
    above = ".".join(map(str, path[:-1]))
    known = _names(place)
    if path[-1] in known:
        return f" (only another {above} has it)"
    if not above and (whole := _paths(place, str(path[-1]))):
        return f" (did you mean {' or '.join(whole)}?)"
    close = get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f" (did you mean {above + '.' if above else ''}{close[0]}?)"
    return f" ({above or 'the top'} has {', '.join(sorted(known))})"


def _names(place: BaseModel) -> set[str]:
    """The settings of a part; of one that is chosen by name, those of its whole family."""
    kinds = place.members.values() if isinstance(place, Component) else [type(place)]
    return {name for kind in kinds for name in kind.model_fields} - {"name"}


def _paths(place: BaseModel, name: str, above: str = "") -> list[str]:
    """Whole paths of the settings of this name, wherever they are."""
    names = sorted(_names(place))
    found = [above + name] if name in names else []
    for key in names:
        if isinstance(part := getattr(place, key, None), BaseModel):
            found += _paths(part, name, f"{above}{key}.")
    return found


def _read_recipe(recipe: str) -> dict[str, Any]:
    bundled = RECIPES / f"{recipe}.yaml"
    path = bundled if bundled.is_file() else Path(recipe)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.yaml")))
        raise ConfigError(
            f"There is no recipe {recipe!r}: give a YAML file, or one of the bundled ones: {known}."
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} holds no settings: expected a mapping with model, train and predict."
        )
    return values


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Nested settings as dotted paths."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        path = f"{above}{key}"
        flat |= _flat(value, f"{path}.") if isinstance(value, Mapping) else {path: str(value)}
    return flat


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
