"""The JSON schema of what is printed for programs.

JSON has no number for what is none: NaN and the infinities stand there as text, and the schema says so.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""As pydantic writes them (`ser_json_inf_nan="strings"`)."""


class _AsWritten(GenerateJsonSchema):
    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """Return the schema of a number that may be none."""
        return {"anyOf": [super().float_schema(schema), {"enum": list(NOT_FINITE)}]}


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of what a model that writes NaN as text prints, in JSON Schema draft 2020-12."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **model.model_json_schema(schema_generator=_AsWritten)}
