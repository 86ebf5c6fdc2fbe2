"""Parts are chosen by name, and a new one registers itself."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from medsegdiff.component import Component, Config, import_plugins
from medsegdiff.errors import ConfigError


class Fruit(Component, family=True):
    """A family for these tests."""


class Apple(Fruit):
    """A member with a setting that has a range."""

    name: Literal["apple"] = "apple"
    grams: float = Field(default=100.0, gt=0)


class Pear(Fruit):
    """A member without settings."""

    name: Literal["pear"] = "pear"


class Nut(Component, family=True):
    """Another family, which must not see the first one's members."""


class Basket(Config):
    """Settings that hold a part."""

    fruit: Fruit = Apple()


def test_a_member_registers_under_its_name() -> None:
    assert Fruit.members == {"apple": Apple, "pear": Pear}
    assert Fruit.named("pear") is Pear


def test_families_do_not_share_members() -> None:
    assert Nut.members == {}


@pytest.mark.parametrize("value", ["pear", {"name": "pear"}, Pear()])
def test_a_field_accepts_a_name_a_mapping_or_a_member(value: object) -> None:
    assert Basket.model_validate({"fruit": value}).fruit == Pear()


def test_a_mapping_sets_the_fields_of_the_member() -> None:
    basket = Basket.model_validate({"fruit": {"name": "apple", "grams": 7}})
    assert basket.fruit == Apple(grams=7)


def test_settings_survive_json() -> None:
    basket = Basket(fruit=Apple(grams=3))
    text = basket.model_dump_json(serialize_as_any=True)
    assert Basket.model_validate_json(text) == basket


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(ConfigError, match=r"no fruit named 'plum'.*apple, pear"):
        Fruit.named("plum")
    with pytest.raises(ValidationError, match="apple, pear"):
        Basket.model_validate({"fruit": "plum"})


def test_a_mapping_without_a_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="a fruit needs a name, one of: apple, pear"):
        Basket.model_validate({"fruit": {"grams": 3}})


@pytest.mark.parametrize("value", [{"name": "apple", "grams": 0}, {"name": "pear", "grams": 1}])
def test_a_bad_or_unknown_setting_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Basket.model_validate({"fruit": value})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Apple().grams = 5  # pyright: ignore[reportAttributeAccessIssue]


def test_two_members_cannot_share_a_name() -> None:
    with pytest.raises(TypeError, match="both call themselves 'apple'"):

        class Impostor(Fruit):
            name: Literal["apple"] = "apple"


def test_plugins_load_without_any_installed() -> None:
    import_plugins()
