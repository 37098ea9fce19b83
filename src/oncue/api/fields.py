"""Field types of request and response bodies: strict, and explicit about what is wrong."""

from collections.abc import Callable
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from oncue.lib import ids
from oncue.lib.clock import iso, to_millisecond
from oncue.settings import PLATFORMS

# What people write where the document has another name.
HINTS: Final = {
    "platforms": "accountIds",
    "scheduledAt": "scheduledFor",
    "text": "content",
    "mediaUrls": "media",
}

LARGEST_INTEGER: Final = 2**31 - 1  # what a column of the databases holds
MAX_DEPTH: Final = 50  # of JSON within a field; Pydantic can read far more than it can write
MAX_UNKNOWN: Final = 10  # fields that are named, of those that mean nothing
MAX_NAME: Final = 100  # characters of a made-up field that are repeated to its maker
EXAMPLE: Final = UUID("0197a5b2-7c3d-7abc-8def-0123456789ab")  # in every id the document shows
NO_NUL: Final = r"^[^\u0000]*$"


class Said:
    """What the document says of a type beside what Pydantic knows of it: JSON Schema's words.

    It changes nothing of what is accepted; somebody else sees to that it is true.
    """

    def __init__(self, **facts: Any) -> None:
        self._facts = facts

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core_schema) | self._facts


def parse_time(value: object) -> datetime:
    """An ISO 8601 time with a zone, as UTC. A time without one is refused (V219)."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("time", "must be an ISO 8601 time in a string")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("time", "is no ISO 8601 time") from None
    if moment.tzinfo is None:
        message = "has no time zone: add Z or an offset, as in 2026-06-15T14:00:00Z"
        raise PydanticCustomError("time_zone", message)
    try:
        return to_millisecond(moment)
    except OverflowError:
        raise PydanticCustomError("time", "is out of range") from None


def parse_id(kind: str, value: object) -> UUID:
    """A TypeID or a plain UUID of this kind."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("id", "must be an id in a string")
    try:
        return ids.from_typeid(kind, value)
    except ids.BadId as wrong:
        raise PydanticCustomError("id", "is no id: {why}", {"why": str(wrong)}) from None


def one_form(reference: str) -> str:
    """A persona's id in the form that is shown; another reference as its caller writes it (V30)."""
    try:
        return ids.to_typeid("persona", ids.from_typeid("persona", reference))
    except ids.BadId:
        return reference


def parse_platform(value: object) -> str:
    """A platform constant, in upper or lower case."""
    if isinstance(value, str) and value.upper() in PLATFORMS:
        return value.upper()
    known = ", ".join(PLATFORMS)
    raise PydanticCustomError("platform", "is not one of {known}", {"known": known})


def parse_whole(value: object) -> object:
    """JSON has one kind of number: 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def clean_text(value: str) -> str:
    """Text every database and network can hold: no NUL, no halves of surrogate pairs."""
    if "\x00" in value:
        raise PydanticCustomError("text", "contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("text", "contains half of a surrogate pair") from None
    return value


def clean_json(value: Any) -> Any:
    """The same for every string within, and no deeper than answers can be written."""
    _clean(value, 0)
    return value


def _clean(value: Any, depth: int) -> None:
    match value:
        case str():
            clean_text(value)
        case dict():
            for key, part in value.items():
                clean_text(key)
                _clean(part, _deeper(depth))
        case list():
            for part in value:
                _clean(part, _deeper(depth))
        case float() if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124
            raise PydanticCustomError("number", "contains a number that JSON does not have")
        case _:
            pass


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise PydanticCustomError("depth", "is nested more than {limit} deep", {"limit": MAX_DEPTH})
    return depth + 1


def _id_field(kind: str) -> tuple[Any, ...]:
    schema = {"type": "string", "examples": [ids.to_typeid(kind, EXAMPLE)]}
    read: Callable[[object], UUID] = partial(parse_id, kind)
    write: Callable[[UUID], str] = partial(ids.to_typeid, kind)
    return (
        BeforeValidator(read),
        PlainSerializer(write),
        WithJsonSchema(schema | {"pattern": ids.read_pattern(kind)}, mode="validation"),
        WithJsonSchema(schema | {"pattern": ids.written_pattern(kind)}, mode="serialization"),
    )


PostId = Annotated[UUID, *_id_field("post")]
DestinationId = Annotated[UUID, *_id_field("pp")]
AccountId = Annotated[UUID, *_id_field("acc")]
MediaId = Annotated[UUID, *_id_field("media")]
EventId = Annotated[UUID, *_id_field("evt")]
ImportId = Annotated[UUID, *_id_field("job")]
RecurrenceId = Annotated[UUID, *_id_field("rec")]
WebhookId = Annotated[UUID, *_id_field("wh")]
DeliveryId = Annotated[UUID, *_id_field("dlv")]
WorkspaceId = Annotated[UUID, *_id_field("ws")]
PersonaId = Annotated[UUID, *_id_field("persona")]

When = Annotated[
    datetime,
    BeforeValidator(parse_time),
    PlainSerializer(iso),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-06-15T14:00:00.000Z"]}
    ),
]
PlatformName = Annotated[str, BeforeValidator(parse_platform), Said(enum=[*PLATFORMS])]
ShownPlatform = Annotated[str, Said(enum=[name.lower() for name in PLATFORMS])]
WHOLE: Final = BeforeValidator(parse_whole)
Key = Annotated[str, AfterValidator(clean_text)]
Text = Annotated[Key, Said(pattern=NO_NUL)]
PublicUrl = Annotated[Key, Said(format="uri", pattern="^https://")]
TimeZone = Annotated[
    Text, Said(description="The IANA name of a time zone.", examples=["Europe/Berlin"])
]
PersonaReference = Annotated[Text, AfterValidator(one_form)]
Json: TypeAlias = Annotated[Any, AfterValidator(clean_json)]


class OrAnything:
    """An item that is judged alone: the request is taken whatever it is."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        anything = {"description": "Whatever else: its result says what is wrong with it."}
        return {"anyOf": [handler(core_schema), anything]}


class StrictBody(BaseModel):
    """A request body of either dialect: strict types, and no field that means nothing (C7)."""

    model_config = ConfigDict(strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_fields(cls, value: Any) -> Any:
        """A mistyped field is an error that says what was probably meant, and not its value."""
        if not isinstance(value, dict):
            return value
        known = [info.alias or name for name, info in cls.model_fields.items()]
        unknown = [field for field in value if field not in known]
        if unknown:
            faults = [_unknown(field, known) for field in unknown[:MAX_UNKNOWN]]
            raise ValidationError.from_exception_data(cls.__name__, faults)
        return value


class Body(StrictBody):
    """A request body in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=False)

    def mentions(self, field: str) -> bool:
        """Whether the request has this field at all, be it null."""
        return field in self.model_fields_set


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class Edit(Body):
    """A request body of which only what it mentions counts, so that nothing has a default."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


def _unknown(field: str, known: list[str]) -> InitErrorDetails:
    meant = _meant(field, known)
    hint = f"; did you mean {meant}?" if meant else ""
    fault = PydanticCustomError("unknown_field", "is not a field here{hint}", {"hint": hint})
    shown = field[:MAX_NAME].encode(errors="replace").decode()
    return {"type": fault, "loc": (shown,), "input": None}


def _meant(field: str, known: list[str]) -> str | None:
    if (hint := HINTS.get(field)) in known:
        return hint
    folded = {name.lower(): name for name in known}
    close = get_close_matches(field.lower().replace("_", ""), folded, n=1, cutoff=0.75)
    return folded[close[0]] if close else None


class Out(BaseModel):
    """A response body: camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)
