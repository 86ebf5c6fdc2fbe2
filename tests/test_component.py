"""Parts are chosen by name, and a new one registers itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from medsegdiff.component import Component, Config, import_plugins
from medsegdiff.engine.settings import read_run_config
from medsegdiff.ensemble import Ensemble
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


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a package that offers the module `twice` with this source."""

    def install(source: str) -> None:
        (tmp_path / "twice_plugin.py").write_text(source, encoding="utf-8")
        info = tmp_path / "twice-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: twice\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[medsegdiff]\ntwice = twice_plugin\n")
        monkeypatch.syspath_prepend(tmp_path)
        import_plugins.cache_clear()

    yield install
    sys.modules.pop("twice_plugin", None)
    Ensemble.members.pop("first", None)
    import_plugins.cache_clear()


def test_an_installed_package_may_offer_a_part(plugin) -> None:
    plugin(
        "from typing import Literal\nfrom medsegdiff.ensemble import Ensemble\n"
        "class First(Ensemble):\n    name: Literal['first'] = 'first'\n"
        "    def fuse(self, voters):\n        return voters[0]\n"
    )
    config = read_run_config(None, ["predict.ensemble=first"])
    assert type(config.predict.ensemble).__module__ == "twice_plugin"


def test_a_broken_plugin_is_named(plugin) -> None:
    plugin("raise RuntimeError('no luck')")
    with pytest.raises(ConfigError, match=r"plug-in twice \(twice_plugin\) .*: no luck"):
        read_run_config()
