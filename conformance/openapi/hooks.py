"""What a JSON Schema cannot say of this API, told to schemathesis.

It counts characters where the API counts bytes, and does not know lines of JSON.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote_to_bytes

import schemathesis
from hypothesis import strategies as st

CLIENT_ID_BYTES_MAX = 256
TTL_SECONDS_MAX = 24 * 3600


@schemathesis.serializer("application/x-ndjson")
def lines(ctx: Any, value: Any) -> bytes:
    """Lines are sent as they are."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


# A character has four bytes at most.
_client_ids = st.text(min_size=1, max_size=CLIENT_ID_BYTES_MAX // 4)
_messages = st.one_of(
    st.fixed_dictionaries({"data": st.text(min_size=1)}),
    st.fixed_dictionaries({"base64": st.binary(min_size=1).map(lambda it: base64.b64encode(it).decode())}),
)
_words = st.fixed_dictionaries(
    {"to": st.one_of(_client_ids, st.lists(_client_ids, min_size=1, max_size=5))},
    optional={
        "ttl": st.integers(0, TTL_SECONDS_MAX),
        "idempotency_key": st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255),
    },
)
_items = st.builds(lambda words, message: json.dumps({**words, **message}), _words, _messages)

# What a description cannot say: which texts are lines of items. The last line may be torn, and does not count then.
schemathesis.openapi.media_type(
    "application/x-ndjson",
    st.builds(
        lambda items, torn: ("\n".join(items) + "\n" + torn).encode(),
        st.lists(_items, min_size=1, max_size=5),
        st.sampled_from(["", '{"to": "ad']),
    ),
)


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """With a strategy of its own a media type has bytes only, and an example in a description is a text."""
    body = raw_schema["paths"]["/v1/messages"]["post"]["requestBody"]
    del body["content"]["application/x-ndjson"]["example"]


def _fits(value: object) -> bool:
    if isinstance(value, str):
        return len(unquote_to_bytes(value.encode(errors="surrogatepass"))) <= CLIENT_ID_BYTES_MAX
    return True


def _ids(values: object) -> list[object]:
    if not isinstance(values, dict):
        return []
    return [values.get(name) for name in ("client_id", "to", "after")]


@schemathesis.hook
def filter_path_parameters(context: Any, path_parameters: Any) -> bool:
    return all(map(_fits, _ids(path_parameters)))


@schemathesis.hook
def filter_query(context: Any, query: Any) -> bool:
    return all(map(_fits, _ids(query)))


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    return all(map(_fits, _ids(body)))
