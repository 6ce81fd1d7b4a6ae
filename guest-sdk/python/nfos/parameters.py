"""What the operator may set.

    class Settings(Parameters):
        idle_timeout_ms = Unsigned("Milliseconds without a packet.", 48_000, range=(1, 86_400_000))
"""

from wit_world.imports import parameters as _parameters, types as _types


class _Parameter:
    _relaxes = ()

    def relaxes(self, **structures):
        """Ties the parameter to a setting of the structure that is opened under the name; one that
        ends in `*` means all that begin like it. Where a conflict on the structure is relaxed by
        the setting, reports name the parameter with a value to try. Settings are `capacity`,
        `duration`, `refresh_interval`, `staleness`, `write_interval` and `method`."""
        relaxations = [_types.Relaxation(_types.Setting[setting.upper()], structure)
                       for setting, structure in structures.items()]
        self._relaxes = (*self._relaxes, *relaxations)
        return self

    def describe(self, name):
        default = self.case(self.default)
        return _types.Parameter(name, self.help, default, self.constraint, list(self._relaxes))


class Unsigned(_Parameter):
    """A number up to 2^64 - 1, or within a range of which both ends belong to it."""

    def __init__(self, help, default, range=None):
        self.help, self.default, self.case = help, default, _types.Value_Unsigned
        self.constraint = _types.Constraint_Range(range) if range else _types.Constraint_Any()


class Boolean(_Parameter):
    """Yes or no."""

    def __init__(self, help, default=False):
        self.help, self.default, self.case = help, default, _types.Value_Boolean
        self.constraint = _types.Constraint_Any()


class Text(_Parameter):
    """A text."""

    def __init__(self, help, default=""):
        self.help, self.default, self.case = help, default, _types.Value_Text
        self.constraint = _types.Constraint_Any()


class Choice(_Parameter):
    """One of several words."""

    def __init__(self, help, default, choices):
        self.help, self.default, self.case = help, default, _types.Value_Text
        self.constraint = _types.Constraint_Choices(list(choices))


class Parameters:
    """The parameters of a network function: subclass it, one attribute for each."""

    @classmethod
    def _known(cls):
        members = vars(cls).items()
        return {name: one for name, one in members if isinstance(one, _Parameter)}

    @classmethod
    def describe(cls):
        return [parameter.describe(name) for name, parameter in cls._known().items()]

    @classmethod
    def read(cls):
        """Their values, as attributes of these names."""
        self = cls()
        for name in cls._known():
            setattr(self, name, _parameters.get(name).value)
        return self
