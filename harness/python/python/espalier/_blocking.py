"""The blocking classes, made of those of `espalier.aio`: a method that lets its caller wait there blocks here, and returns the result.

Their types are in `_blocking.pyi`, which `ci/python-stubs` makes of `_native.pyi`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

from . import _native

_CLASSES: dict[type, type] = {}
"""The blocking class of each native one."""
BOARDS: weakref.WeakSet[Any] = weakref.WeakSet()
"""The boards that blocking programs hold; the plugin for pytest looks for those of a test that has failed."""


def _blocking(result: Any) -> Any:
    """Blocks for a result, and gives it the class that blocks."""
    __tracebackhide__ = True
    if isinstance(result, _native.Wait):
        result = result.wait()
    made = _CLASSES.get(type(result))
    return result if made is None else made._of(result)


def _native_of(argument: Any) -> Any:
    return argument._native if type(argument) in _CLASSES.values() else argument


def _call(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    __tracebackhide__ = True
    given = {name: _native_of(argument) for name, argument in keywords.items()}
    return _blocking(function(*map(_native_of, arguments), **given))


def _method(name: str, native: Any) -> Any:
    @functools.wraps(native)
    def method(self: Any, /, *arguments: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        return _call(getattr(self._native, name), *arguments, **keywords)

    return method


def _static(native: Any) -> Any:
    @functools.wraps(native)
    def method(*arguments: Any, **keywords: Any) -> Any:
        return _call(native, *arguments, **keywords)

    return staticmethod(method)


def _getter(name: str, native: Any) -> property:
    return property(lambda self: _blocking(getattr(self._native, name)), doc=native.__doc__)


def _enter(self: Any) -> Any:
    return self


def _of(cls: type, native: Any) -> Any:
    made = object.__new__(cls)
    object.__setattr__(made, "_native", native)
    if cls is Board:
        BOARDS.add(made)
    return made


def _class(native: type) -> Any:
    """The blocking class of a native one, member by member."""
    members: dict[str, Any] = {
        "__slots__": ("_native", "__weakref__"),
        "__doc__": native.__doc__,
        "__module__": "espalier",
        "_of": classmethod(_of),
    }
    for name, member in vars(native).items():
        if isinstance(member, staticmethod):
            if name != "__new__":
                members[name] = _static(member.__func__)
        elif name == "__new__":
            members[name] = lambda cls, *given, **keywords: cls._of(native(*given, **keywords))
        elif name == "__enter__":
            members[name] = _enter
        elif callable(member) and name not in ("__getattribute__", "__class_getitem__"):
            members[name] = _method(name, member)
        elif hasattr(member, "__get__"):
            members[name] = _getter(name, member)
    made = type(native.__name__, (), members)
    _CLASSES[native] = made
    return made


Air = _class(_native.Air)
Board = _class(_native.Board)
Button = _class(_native.Button)
Buzzer = _class(_native.Buzzer)
Console = _class(_native.Console)
Flasher = _class(_native.Flasher)
Leds = _class(_native.Leds)
Listener = _class(_native.Listener)
MicroPython = _class(_native.MicroPython)
Part = _class(_native.Part)
Peer = _class(_native.Peer)
PeerStream = _class(_native.PeerStream)
Pin = _class(_native.Pin)
RunningScript = _class(_native.RunningScript)
Screen = _class(_native.Screen)
Station = _class(_native.Station)
TouchPad = _class(_native.TouchPad)
Uart = _class(_native.Uart)
UdpSocket = _class(_native.UdpSocket)
World = _class(_native.World)
