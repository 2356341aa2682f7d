"""Everything that a user, a file or a request can cause; our own invariants use ``assert``.

The message is one sentence: what was given, what is allowed, what to do. The command line prints it and exits 1.
"""

from __future__ import annotations


class LayerizeWarning(UserWarning):
    """Something was lost or changed that the user should know about; nothing failed."""


class LayerizeError(Exception):
    """Base of every error that layerize raises on purpose."""


class UsageError(LayerizeError):
    """An option or argument does not make sense; the command line exits 2."""


class EditError(LayerizeError):
    """An edit does not fit the stack: no such layer, a value out of range; well-formed, so no ``UsageError``."""


class InputError(LayerizeError):
    """A file or folder cannot be read as what it should be."""


class LimitError(InputError):
    """The input is readable but larger than a limit; the message names the limit and how to raise it."""


class OutputError(LayerizeError):
    """A result cannot be written (disk full, no permission, unknown extension)."""


class ConfigError(LayerizeError):
    """A recipe or model config has an unknown key or an impossible value."""


class CheckpointError(LayerizeError):
    """Weights do not fit the model: missing, unexpected or misshapen keys, or another architecture."""


class MissingExtraError(LayerizeError):
    """An optional package is absent."""

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(f"{feature} needs the package {package}. Install it: pip install 'layerize[{extra}]'.")
