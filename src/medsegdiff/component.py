"""Parts chosen by name: a part is a frozen settings class; subclassing its family registers it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from medsegdiff.errors import ConfigError

ENTRY_POINT_GROUP = "medsegdiff"

Part = TypeVar("Part", bound="Component")  # beartype knows no Self in a function on its own


class Config(BaseModel):
    """Settings that a person may choose: frozen, checked when read, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Component(Config):
    """A part of the system, one of a family, chosen by its `name`.

    A direct subclass that says `family=True` opens a family; a subclass of that one which declares
    `name: Literal["..."] = "..."` is a member and registers itself:

        class Sampler(Component, family=True): ...
        class DDIM(Sampler):
            name: Literal["ddim"] = "ddim"

    A field annotated with the family accepts a member, its name, or a mapping with a `name`.
    """

    members: ClassVar[dict[str, type[Component]]]

    def __init_subclass__(cls, family: bool = False, **options: Any) -> None:
        super().__init_subclass__(**options)
        if family:
            cls.members = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        field = cls.model_fields.get("name")
        if field is None:
            return
        (name,) = get_args(field.annotation)
        known = cls.members.get(name)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(
                f"{cls.__qualname__} and {known.__qualname__} both call themselves {name!r}"
            )
        cls.members[name] = cls

    @classmethod
    def named(cls: type[Part], name: str) -> type[Part]:
        """Return the member class with this name.

        Raises:
            ConfigError: the family has no such member; the message lists those it has.
        """
        if name not in cls.members:
            known = ", ".join(sorted(cls.members))
            raise ConfigError(
                f"There is no {cls.__name__.lower()} named {name!r}. Choose one of: {known}."
            )
        return cls.members[name]  # pyright: ignore[reportReturnType]

    @model_validator(mode="wrap")
    @classmethod
    def _choose_member(cls, value: Any, handler: Callable[[Any], Any]) -> Any:
        """Let a family read its members: from a member, a name, or a mapping with a name."""
        if isinstance(value, str):
            value = {"name": value}
        is_family = "name" not in cls.model_fields
        if not is_family or not isinstance(value, dict):
            return handler(value)
        if "name" not in value:
            raise ValueError(
                f"a {cls.__name__.lower()} needs a name, one of: {', '.join(sorted(cls.members))}"
            )
        try:
            member = cls.named(value["name"])
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return member.model_validate(value)


def import_parts(package: str, path: list[str]) -> None:
    """Import every module of a package, so that the parts in it register themselves."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")


@cache
def import_plugins() -> None:
    """Import, once, the parts that other packages offer under the entry-point group `medsegdiff`.

    Raises:
        ConfigError: one of them cannot be imported.
    """
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            entry.load()
        except Exception as error:
            raise ConfigError(
                f"The plug-in {entry.name} ({entry.value}) cannot be imported: {error}. Mend it, "
                "or uninstall its package."
            ) from error
