"""What the advisor knows: its rules, and every key of a configuration."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


def rules(as_json: Json = False) -> int:
    """List all rules, their state, and what each did on the fault bench."""
    from dataclasses import asdict

    from rules.catalogue import all_rules
    from rules.record import records

    every, record = all_rules(), records()
    if as_json:
        rows = [
            {
                "code": rule.code,
                "name": rule.name,
                "family": rule.family,
                "state": rule.state,
                "headline": rule.headline,
                "needs": rule.needs,
                "record": asdict(record[rule.code]) if rule.code in record else None,
            }
            for rule in every
        ]
        print(json.dumps(rows))
        return 0
    for rule in every:
        said = f"  ({record[rule.code].said()})" if rule.code in record else ""
        print(f"{rule.code}  {rule.state:7}  {rule.headline}{said}")
    nursery = sum(rule.nursery for rule in every)
    print(f"\n{len(every)} rules, {nursery} of them in the nursery: shown, never acted on", end="")
    if record:
        runs = next(iter(record.values()))
        print(f"; measured in {runs.faulty_runs} faulty and {runs.healthy_runs} healthy runs", end="")
    print("\n`advisor rule CODE` tells all about one")
    return 0


def rule(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A rule's code, e.g. OPT101.")], as_json: Json = False
) -> int:
    """Print what a rule looks for, why, and what it does about it."""
    import difflib

    from advisor.mistakes import Mistake
    from rules.catalogue import all_rules

    known = {one.code: one for one in all_rules()}
    wanted = known.get(code.upper()) or next(
        (one for one in known.values() if one.name == code.replace("-", "_")), None
    )
    if wanted is None:
        near = difflib.get_close_matches(code.upper(), list(known), n=1, cutoff=0.4)
        raise Mistake(
            f"there is no rule {code!r}" + (f": did you mean {near[0]}?" if near else ": see `advisor rules`")
        )
    if as_json:
        told = {
            "code": wanted.code,
            "name": wanted.name,
            "family": wanted.family,
            "state": wanted.state,
            "needs": wanted.needs,
        }
        print(json.dumps(told | {"documentation": wanted.documentation}))
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(f"# {wanted.code} {wanted.name.replace('_', '-')}\n\n{wanted.documentation}"))
    else:
        print(f"{wanted.code} {wanted.name.replace('_', '-')}\n\n{wanted.documentation}")
    return 0


def config(
    path: Annotated[Path | None, typer.Argument(metavar="[CONFIG.toml]", help="A configuration to check.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Document every key: type, default, meaning.")] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a config key.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Document the keys of a configuration, or check one and print it with all its defaults."""
    if path is None or explain:
        keys = _keys()
        if as_json:
            print(json.dumps(keys))
        else:
            _show(keys)
        return 0
    from trainer.config import read

    whole = read(path, tuple(overrides or ())).model_dump(mode="json")
    if as_json:
        print(json.dumps(whole))
    else:
        import tomli_w

        stated = {
            section: {key: value for key, value in held.items() if value is not None} for section, held in whole.items()
        }
        print(tomli_w.dumps(stated), end="")
    return 0


def _keys() -> list[dict[str, Any]]:
    from trainer.config import keys

    return [
        {
            "key": f"{section}.{name}",
            "type": _type(field.annotation),
            "default": field.get_default(call_default_factory=True, validated_data={}),
            "meaning": field.description or "",
            "section": model.__doc__ or "",
        }
        for section, model in keys().items()
        for name, field in model.model_fields.items()
    ]


def _type(annotation: Any) -> str:
    """Return a type as a person who writes TOML thinks of it."""
    from types import NoneType, UnionType
    from typing import Literal, Union, get_args, get_origin

    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in inner)
    if origin in (Union, UnionType):
        return " | ".join(_type(one) for one in inner if one is not NoneType)
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"table of {_type(inner[1])}"
    return {str: "text", bool: "true | false", int: "whole number", float: "number"}.get(annotation, str(annotation))


def _show(keys: list[dict[str, Any]]) -> None:
    section = ""
    for key in keys:
        name, _, rest = str(key["key"]).partition(".")
        if name != section:
            section = name
            print(
                f"\n[{section}]  {key['section']}"
                if section != str(keys[0]["key"]).partition(".")[0]
                else f"[{section}]  {key['section']}"
            )
        default = "none" if key["default"] is None else json.dumps(key["default"])
        print(f"  {rest} = {default}    ({key['type']})\n      {key['meaning']}")
