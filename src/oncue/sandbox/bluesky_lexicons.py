"""The lexicons a simulated Bluesky server goes by: the official ones, less what posts never use.

Each document has what it calls its definitions; "main" is the input of a procedure, the
parameters of a query, or the record. tests/contracts holds them against the originals.
"""

from typing import Final

from oncue.sandbox.lexicon import Lexicons, Schema

POST: Final = "app.bsky.feed.post"

IDENTIFIER: Final[Schema] = {"type": "string", "format": "at-identifier"}
NSID: Final[Schema] = {"type": "string", "format": "nsid"}
RECORD_KEY: Final[Schema] = {"type": "string", "format": "record-key"}
CID: Final[Schema] = {"type": "string", "format": "cid"}
TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
FROM_ZERO: Final[Schema] = {"type": "integer", "minimum": 0}
FROM_ONE: Final[Schema] = {"type": "integer", "minimum": 1}

LEXICONS: Final[Lexicons] = {
    "com.atproto.server.createSession": {
        "main": {
            "type": "object",
            "required": ["identifier", "password"],
            "properties": {
                "identifier": TEXT,
                "password": TEXT,
                "authFactorToken": TEXT,
                "allowTakendown": FLAG,
            },
        }
    },
    "com.atproto.repo.putRecord": {
        "main": {
            "type": "object",
            "required": ["repo", "collection", "rkey", "record"],
            "nullable": ["swapRecord"],
            "properties": {
                "repo": IDENTIFIER,
                "collection": NSID,
                "rkey": {**RECORD_KEY, "maxLength": 512},
                "validate": FLAG,
                "record": {"type": "unknown"},
                "swapRecord": CID,
            },
        }
    },
    "com.atproto.repo.deleteRecord": {
        "main": {
            "type": "object",
            "required": ["repo", "collection", "rkey"],
            "properties": {
                "repo": IDENTIFIER,
                "collection": NSID,
                "rkey": RECORD_KEY,
                "swapRecord": CID,
            },
        }
    },
    "com.atproto.repo.getRecord": {
        "main": {
            "type": "params",
            "required": ["repo", "collection", "rkey"],
            "properties": {
                "repo": IDENTIFIER,
                "collection": NSID,
                "rkey": RECORD_KEY,
                "cid": CID,
            },
        }
    },
    "com.atproto.repo.listRecords": {
        "main": {
            "type": "params",
            "required": ["repo", "collection"],
            "properties": {
                "repo": IDENTIFIER,
                "collection": NSID,
                "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
                "cursor": TEXT,
                "reverse": FLAG,
            },
        }
    },
    "com.atproto.identity.resolveHandle": {
        "main": {
            "type": "params",
            "required": ["handle"],
            "properties": {"handle": {"type": "string", "format": "handle"}},
        }
    },
    POST: {
        "main": {
            "type": "record",
            "key": "tid",
            "record": {
                "type": "object",
                "required": ["text", "createdAt"],
                "properties": {
                    "text": {"type": "string", "maxLength": 3000, "maxGraphemes": 300},
                    "facets": {
                        "type": "array",
                        "items": {"type": "ref", "ref": "app.bsky.richtext.facet"},
                    },
                    "embed": {"type": "union", "refs": ["app.bsky.embed.images"]},
                    "langs": {
                        "type": "array",
                        "maxLength": 3,
                        "items": {"type": "string", "format": "language"},
                    },
                    "tags": {
                        "type": "array",
                        "maxLength": 8,
                        "items": {"type": "string", "maxLength": 640, "maxGraphemes": 64},
                    },
                    "createdAt": {"type": "string", "format": "datetime"},
                },
            },
        }
    },
    "app.bsky.richtext.facet": {
        "main": {
            "type": "object",
            "required": ["index", "features"],
            "properties": {
                "index": {"type": "ref", "ref": "#byteSlice"},
                "features": {
                    "type": "array",
                    "items": {"type": "union", "refs": ["#mention", "#link", "#tag"]},
                },
            },
        },
        "mention": {
            "type": "object",
            "required": ["did"],
            "properties": {"did": {"type": "string", "format": "did"}},
        },
        "link": {
            "type": "object",
            "required": ["uri"],
            "properties": {"uri": {"type": "string", "format": "uri"}},
        },
        "tag": {
            "type": "object",
            "required": ["tag"],
            "properties": {"tag": {"type": "string", "maxLength": 640, "maxGraphemes": 64}},
        },
        "byteSlice": {
            "type": "object",
            "required": ["byteStart", "byteEnd"],
            "properties": {"byteStart": FROM_ZERO, "byteEnd": FROM_ZERO},
        },
    },
    "app.bsky.embed.images": {
        "main": {
            "type": "object",
            "required": ["images"],
            "properties": {
                "images": {
                    "type": "array",
                    "items": {"type": "ref", "ref": "#image"},
                    "maxLength": 4,
                }
            },
        },
        "image": {
            "type": "object",
            "required": ["image", "alt"],
            "properties": {
                "image": {"type": "blob", "accept": ["image/*"], "maxSize": 2_000_000},
                "alt": TEXT,
                "aspectRatio": {"type": "ref", "ref": "app.bsky.embed.defs#aspectRatio"},
            },
        },
    },
    "app.bsky.embed.defs": {
        "aspectRatio": {
            "type": "object",
            "required": ["width", "height"],
            "properties": {"width": FROM_ONE, "height": FROM_ONE},
        }
    },
}
