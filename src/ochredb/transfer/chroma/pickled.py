"""What a pickle holds, without unpickling it: dictionaries, texts and numbers; nothing is imported and nothing called.

A pickle is a program, and whoever can write to a folder can put one there. Here the opcodes are taken apart by the
standard library's `pickletools`, and only those that build plain values are followed.
"""

import pickletools
from typing import Any

_MARK = object()
_CLASS = object()
_NAME = "PersistentData"
"""The one class that is known, of which Chroma 0.4 to 0.6 write an object; its attributes are read as a dictionary."""

_MADE = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "MARK": _MARK}


def read(content: bytes) -> tuple[dict[Any, Any], str | None]:
    """Give the dictionary that a pickle holds, and what is wrong with the pickle, None if nothing is.

    Of one that breaks off, or has in it what is not followed, it is what had been built by then.
    """
    stack = _Stack()
    try:
        for opcode, argument, place in pickletools.genops(content):
            if not stack.follow(opcode.name, argument):
                raise ValueError(f"{opcode.name} at byte {place} builds no plain value")
        return stack.dictionary(), None
    except (ValueError, TypeError, LookupError) as error:
        return stack.salvaged(), str(error)


class _Stack:
    """Values that are being built, the innermost last."""

    def __init__(self) -> None:
        self._items: list[Any] = []
        self._memo: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> bool:
        """Do what an opcode says, and tell whether it is one that is followed."""
        items = self._items
        match name:
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                items.append(argument)
            case "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8":
                items.append(argument)
            case "MEMOIZE":
                self._memo[len(self._memo)] = items[-1]
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = items[-1]
            case "BINGET" | "LONG_BINGET":
                items.append(self._memo[argument])
            case "NONE" | "NEWTRUE" | "NEWFALSE" | "EMPTY_TUPLE" | "MARK":
                items.append(_MADE[name])
            case "EMPTY_DICT":
                items.append({})
            case "SETITEM":
                value, key = items.pop(), items.pop()
                self.dictionary().update(_pairs([key, value]))
            case "SETITEMS":
                self._close()
            case "BUILD":
                state = items.pop()
                self.dictionary().update(_pairs([part for item in dict(state).items() for part in item]))
            case "GLOBAL":
                self._class(argument.rpartition(" ")[2])
            case "STACK_GLOBAL":
                named, _ = items.pop(), items.pop()
                self._class(named)
            case "NEWOBJ":
                arguments, made = items.pop(), items.pop()
                if arguments != () or made is not _CLASS:
                    raise ValueError(f"it makes something else than {_NAME}")
                items.append({})
            case _:
                return name in ("PROTO", "FRAME", "STOP")
        return True

    def dictionary(self) -> dict[Any, Any]:
        """Give the innermost value, which must be a dictionary."""
        if not isinstance(self._items[-1], dict):
            raise ValueError("it has something else where a dictionary should be")
        return self._items[-1]

    def salvaged(self) -> dict[Any, Any]:
        """Close all that is open, as far as it can be, and give the outermost dictionary."""
        while _MARK in self._items:
            try:
                self._close()
            except (ValueError, LookupError):
                continue  # what is damaged is off the stack, and what it was for is next
        return next((one for one in self._items if isinstance(one, dict) and one), {})

    def _close(self) -> None:
        """Put all since the innermost mark into the dictionary before it; a key without its value is left out."""
        items: list[Any] = []
        while (item := self._items.pop()) is not _MARK:
            items.append(item)
        self.dictionary().update(_pairs(items[::-1]))

    def _class(self, name: object) -> None:
        if name != _NAME:
            raise ValueError(f"it names {str(name)[:80]!r}, where only {_NAME} is known")
        self._items.append(_CLASS)


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return {key: value for key, value in zip(items[::2], items[1::2], strict=False) if isinstance(key, str | int)}
