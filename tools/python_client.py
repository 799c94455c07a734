"""Make the generated parts of `headway.client` anew: `make client`.

`shapes.py` has the shapes of the OpenAPI document as types. `blocking/` is `aio/` without `async` and `await`.
"""

import json
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from headway import Settings, create_router

ROOT: Final = Path(__file__).resolve().parent.parent
CLIENT: Final = ROOT / "src/headway/client"
BY_HAND: Final = "waiting.py"
"""The module of `aio/` and `blocking/` that has what differs. It is the only one that is written twice."""
_SCHEMAS: Final = "#/components/schemas/"
_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_WORDS: Final = (
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(Iterator|Client)\b", r"\1"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\bheadway\.client\.aio\b", "headway.client.blocking"),
)
_WIDTH: Final = 110
_TYPES_HEAD: Final = '''"""Shapes of requests and answers."""

# Made by `make client` from the OpenAPI document: do not edit.

from typing import Any, Literal, NotRequired, TypedDict

'''


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of the API."""
    application = FastAPI()
    application.include_router(create_router(Settings(jwt_secret="it signs nothing, and is long enough")))
    return application.openapi()


def shapes(document: Mapping[str, Any]) -> str:
    """Return the module with the shapes that requests and answers have; those of refusals are left out."""
    schemas = document["components"]["schemas"]
    used: dict[str, None] = {}
    for part in _parts(document):
        for name in _named(part):
            _add(name, schemas, used)
    return _formatted(_TYPES_HEAD + "\n\n".join(_shape(name, schemas[name]) for name in used))


def blocking(source: str) -> str:
    """Return a module of `aio/` as one of `blocking/`."""
    for word, replacement in _WORDS:
        source = re.sub(word, replacement, source)
    note = "# Made by `make client` from the module of the same name in `aio/`: do not edit.\n"
    return _formatted(note + source)


def generated() -> dict[Path, str]:
    """Return what each generated file is to be."""
    modules = (path for path in sorted((CLIENT / "aio").glob("*.py")) if path.name != BY_HAND)
    made = {CLIENT / "blocking" / path.name: blocking(path.read_text()) for path in modules}
    return {CLIENT / "shapes.py": shapes(openapi()), **made}


def main() -> None:
    """Write the generated files."""
    for path, text in generated().items():
        path.write_text(text)


def _parts(document: Mapping[str, Any]) -> Iterator[Any]:
    for path in document["paths"].values():
        for operation in path.values():
            yield operation.get("parameters")
            yield operation.get("requestBody")
            yield [answer for status, answer in operation["responses"].items() if status.startswith("2")]


def _named(part: Any) -> list[str]:
    return re.findall(rf'"\$ref": "{_SCHEMAS}(\w+)"', json.dumps(part))


def _add(name: str, schemas: Mapping[str, Any], used: dict[str, None]) -> None:
    """Add a schema behind those that it names, so that each is written before it is used."""
    if name in used:
        return
    for other in _named(schemas[name]):
        _add(other, schemas, used)
    used[name] = None


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    text = _text(schema.get("description", name))
    if "properties" not in schema:
        return f"{name} = {_type(schema)}\n{text}\n"
    fields = {field: _field(field, schema) for field in schema["properties"]}
    if any(keyword.iskeyword(field) for field in fields):
        listed = ", ".join(f"{field!r}: {kind}" for field, kind in fields.items())
        return f"{name} = TypedDict({name!r}, {{{listed}}})\n{text}\n"
    lines = [line for field, kind in fields.items() for line in _lines(field, kind, schema["properties"][field])]
    return f"class {name}(TypedDict):\n    {text}\n\n" + "\n".join(lines) + "\n"


def _lines(field: str, kind: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"    {field}: {kind}"
    if "description" in schema:
        yield f"    {_text(schema['description'])}"


def _field(name: str, schema: Mapping[str, Any]) -> str:
    kind = _type(schema["properties"][name])
    return kind if name in schema.get("required", ()) else f"NotRequired[{kind}]"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].removeprefix(_SCHEMAS))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "const" in schema or "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema.get('enum') or [schema['const']]))}]"
    if schema["type"] == "array":
        return f"list[{_type(schema['items'])}]"
    if schema["type"] == "object":
        values = schema["additionalProperties"]
        return f"dict[str, {'Any' if values is True else _type(values)}]"
    return _SIMPLE[schema["type"]]


def _text(description: str) -> str:
    """Return a description as a docstring: its first paragraph on lines that fit."""
    sentence = " ".join(description.partition("\n\n")[0].split())
    return '"""' + "\n    ".join(textwrap.wrap(sentence, _WIDTH)) + '"""'


def _formatted(source: str) -> str:
    sorted_ = _ruff(source, "check", "--quiet", "--select", "I", "--fix")
    return _ruff(sorted_, "format")


def _ruff(source: str, *command: str) -> str:
    ruff = str(Path(sys.executable).with_name("ruff"))
    whole = [ruff, *command, "--config", str(ROOT / "pyproject.toml"), "-"]
    return subprocess.run(whole, input=source, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
