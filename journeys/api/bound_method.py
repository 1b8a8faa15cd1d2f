"""Methods whose functions live in other packages and are imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class BoundMethod:
    """A placeholder in a class body that replaces itself by the function of a module when it is first looked up.

    After that, the function itself is the method, with its own signature and docstring.

    Parameters
    ----------
    module : str
        The module that has the function.
    name : str, optional
        The function's name; that of the attribute by default.
    """

    def __init__(self, module: str, *, name: str | None = None) -> None:
        self.module = module
        self.name = name
        self.attribute = name or ""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, instance: object, owner: type) -> Any:
        function = getattr(import_module(self.module), self.name or self.attribute)
        for one in owner.__mro__:
            if vars(one).get(self.attribute) is self:
                setattr(one, self.attribute, function)
        return getattr(owner if instance is None else instance, self.attribute)
