"""How pytest checks annotations: with beartype, as a type checker would read them."""

from typing import Any

from beartype import BeartypeConf, FrozenDict, beartype
from typing_extensions import Self

checked = beartype(
    conf=BeartypeConf(
        is_pep484_tower=True,  # an int is a float
        hint_overrides=FrozenDict({Self: Any}),  # known to it in whole classes only
    )
)
