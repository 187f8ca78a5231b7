"""Loading of settings: a TOML file, overridden by the environment, overridden by the command line.

Every setting lives in a section. In the file it is `[section] key = value`; in the environment it is
`ITHACA_SECTION__KEY`. A secret may come from a file instead: `ITHACA_SECTION__KEY_FILE` names it.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from stream.config.components import Section
from stream.config.masking import masked
from stream.config.settings import Settings

PREFIX = "ITHACA_"
DELIMITER = "__"

_SECTIONS = frozenset(
    name
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
)


class ConfigError(ValueError):
    """Settings that cannot be used: names each key, the value it has, and the next step."""


class _Sources(Settings, BaseSettings):
    """Settings that are read from all three sources."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, nested_model_default_partial_update=True
    )
    in_file: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: command line before environment before file."""
        del env_settings, dotenv_settings, file_secret_settings
        environment = EnvSettingsSource(settings_cls)
        environment.env_vars = _with_secrets(environment.env_vars)
        return (init_settings, environment, InitSettingsSource(settings_cls, dict(cls.in_file)))


def _with_secrets(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    """Replace each `..._FILE` variable by the one it stands for, with the file's stripped content."""
    resolved: dict[str, str | None] = {}
    for variable, value in variables.items():
        stem = variable.removesuffix("_file")
        if stem != variable and value is not None and _known(stem):
            resolved[stem] = _secret(variable.upper(), Path(value))
        else:
            resolved.setdefault(variable, value)
    return resolved


def load(path: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings from a TOML file, the environment and the command line; later ones override.

    Parameters
    ----------
    path
        The file; None (the default) reads none.
    overrides
        Top-level values that override file and environment; None is "not given".

    Raises
    ------
    ConfigError
        Names every key that is unknown or has a value that cannot be used.
    """
    written = _read_file(path)
    _check_environment()

    class FileSettings(_Sources):
        in_file = written

    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return FileSettings(**given)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(problem, path) for problem in error.errors())) from None
    except SettingsError as error:
        raise ConfigError(f"{error}; a table in the environment is written as JSON") from None


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        # Editors on Windows begin a file with a byte order mark.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            f"The settings file {path} cannot be read: {error.strerror}. Name one that exists."
        ) from None
    except ValueError as error:
        raise ConfigError(f"The settings file {path} is not TOML: {error}. Correct that line.") from None


def _check_environment() -> None:
    # The environment source reads only the names it knows; a misspelt name would go unnoticed.
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and DELIMITER in variable and not _known(variable):
            section, key = _split(variable.removesuffix("_FILE"))
            raise ConfigError(
                f"The environment sets {variable}, but there is no setting {section}.{key}. "
                f"{_known_keys(section, key)}"
            )


def _split(variable: str) -> tuple[str, str]:
    section, _, key = variable.upper().removeprefix(PREFIX).lower().partition(DELIMITER)
    return section, key


def _known(variable: str) -> bool:
    section, key = _split(variable)
    keys = _keys(section)
    return key.partition(DELIMITER)[0] in keys or key.removesuffix("_file") in keys


def _keys(section: str) -> list[str]:
    field = Settings.model_fields.get(section)
    kind = field.annotation if field is not None else None
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, Section) else []


def _known_keys(section: str, key: str = "") -> str:
    """Return the keys of a section; where there is no such section, the names at the top level."""
    keys = _keys(section)
    if keys:
        return f"{_meant(key, keys)}Section {section} has: {', '.join(sorted(keys))}."
    top = [name for name in Settings.model_fields if name not in _SECTIONS]
    sections = ", ".join(sorted(_SECTIONS))
    return (
        f"{_meant(section, Settings.model_fields)}The sections are: {sections}; outside of them: "
        f"{', '.join(sorted(top))}."
    )


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]!r}? " if close else ""


def _secret(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"{variable} names {path}, which cannot be read: {error.strerror}. Mount it or unset it."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{variable} names {path}, which is not in UTF-8. Name another file.") from None


def _sentence(problem: Any, path: Path | None) -> str:
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    where = (
        f"{path}, {PREFIX}{DELIMITER.join(place).upper()} or the command line"
        if path
        else f"{PREFIX}{DELIMITER.join(place).upper()}"
    )
    if problem["type"] == "extra_forbidden":
        return f"There is no setting {key}. {_known_keys(*place[:2])}"
    trouble = problem["msg"].removeprefix("Value error, ")
    if len(place) < 2 and place[0] in _SECTIONS:
        # The value is a whole section, which may contain a secret.
        return f"The settings in {key} cannot be used: {trouble}. Change them in {where}."
    shown = "a secret" if _is_secret(place) else masked(repr(problem["input"]))
    # Only its first letter: what it quotes is to be written as it stands there.
    trouble = trouble[:1].lower() + trouble[1:]
    return f"The setting {key} cannot be {shown}: {trouble}. Change it in {where}."


def _is_secret(place: list[str]) -> bool:
    # Decided by type and not by name, so that a new secret is covered without a change here.
    section = Settings.model_fields[place[0]].annotation if place[0] in _SECTIONS else None
    field = getattr(section, "model_fields", {}).get(place[1]) if len(place) > 1 else None
    return field is not None and "SecretStr" in str(field.annotation)
