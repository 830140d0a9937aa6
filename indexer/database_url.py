"""The URL of a library that a database server keeps: `postgresql://[user@]host[:port]/database[?schema=NAME]`.

It has no password. Passwords come from where PostgreSQL's own programs take them, too: PGPASSWORD, `.pgpass` or a
service file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

from indexer.errors import ConfigError

SCHEME = "postgresql"

DEFAULT_SCHEMA = "recall"

_EXPECTED = "expected postgresql://[user@]host[:port]/database, for instance postgresql://localhost/photos"

_PASSWORD = "take it out, and give it by PGPASSWORD, a .pgpass file or a service file"  # noqa: S105 - advice

_OPTIONS = (
    "channel_binding|connect_timeout|gssdelegation|gssencmode|gsslib|host|hostaddr|krbsrvname|load_balance_hosts|"
    "max_protocol_version|min_protocol_version|passfile|port|require_auth|requirepeer|service|"
    "ssl_(min|max)_protocol_version|ssl(cert|certmode|compression|crl|crldir|key|mode|negotiation|rootcert|sni)|"
    "target_session_attrs|user"
)
"""Options of libpq that may follow the question mark; what Recall sets itself is none of them, nor is a password."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """The URL of a library; made by `parse`. Printed, it is what was given.

    Attributes:
        database: Name of the database.
        user: Name of the user; None takes that of the environment or of this process.
        host: Name of the host, or several names with commas; None takes that of the environment, or the socket.
        port: Port, or several; None takes PostgreSQL's own.
        schema: Name of the library's schema.
        options: Further options of libpq with their values, sorted.
    """

    database: str
    user: str | None = None
    host: str | None = None
    port: str | None = None
    schema: str = DEFAULT_SCHEMA
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> DatabaseUrl:
        """Return the URL of a text.

        Raises:
            ConfigError: It has another scheme, no database, a password, or an option that libpq does not have. The
                message has no part of the text that may be a password.
        """
        scheme, _, rest = text.partition("://")
        if scheme != SCHEME:
            raise ConfigError(f"the library is a URL of {scheme[:20]!r}; expected a folder, or {_EXPECTED[9:]}")
        before, at, _ = rest.rpartition("@")
        if at and ":" in before:
            raise ConfigError(f"the library's URL has a password; {_PASSWORD} (an @ in a name is written %40)")
        place, _, query = rest.partition("?")
        authority, slash, database = place.partition("/")
        if not slash or not database:
            raise ConfigError(f"the library's URL names no database; {_EXPECTED}")
        if "/" in database or "#" in rest or "@" in database:
            raise ConfigError(f"the library's URL has a /, @ or # in a name; write %2F, %40 or %23; {_EXPECTED}")
        user, _, hosts = authority.rpartition("@")
        host, port = _hosts(hosts)
        options = _options(query)
        return cls(
            database=unquote(database),
            user=unquote(user) or options.pop("user", None),
            host=host or options.pop("host", None),
            port=port or options.pop("port", None),
            schema=_checked_schema(options.pop("schema", DEFAULT_SCHEMA)),
            options=tuple(sorted(options.items())),
        )

    def __str__(self) -> str:
        """Return the URL; it has no password."""
        options = dict(self.options)
        is_plain = self.host is None or not re.search(r"[/,]", self.host)
        if not is_plain:
            options |= {"host": str(self.host)} | ({"port": self.port} if self.port else {})
        if self.schema != DEFAULT_SCHEMA:
            options["schema"] = self.schema
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        host = (f"[{self.host}]" if ":" in self.host else self.host) if is_plain and self.host else ""
        port = f":{self.port}" if is_plain and self.port else ""
        query = f"?{urlencode(options, safe='/,')}" if options else ""
        return f"{SCHEME}://{user}{host}{port}/{quote(self.database, safe='')}{query}"

    def connect_arguments(self) -> dict[str, str]:
        """Return the arguments of libpq's connection, without the schema."""
        arguments = {"dbname": self.database, "user": self.user, "host": self.host, "port": self.port}
        return {name: value for name, value in arguments.items() if value} | dict(self.options)

    @property
    def key(self) -> str:
        """Letters and digits that are the same for each URL of this library that names the host alike."""
        import hashlib  # late: nobody else needs it so early

        parts = "\0".join((self.host or "", self.port or "", self.database, self.schema))
        return hashlib.sha256(parts.encode(errors="surrogateescape")).hexdigest()[:16]


def is_database_url(text: str) -> bool:
    """Return whether a text is a URL, of whatever scheme, and not the path of a folder."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def _hosts(text: str) -> tuple[str | None, str | None]:
    """Return the hosts and the ports of a list `host[:port],…`, each None if there are none.

    Raises:
        ConfigError: A port is not a number.
    """
    hosts, ports = [], []
    for entry in text.split(","):
        found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::(\d*))?", entry)
        if found is None:
            raise ConfigError(f"the library's URL has a port that is not a number; {_EXPECTED}")
        hosts.append(unquote(found[1].strip("[]")))
        ports.append(found[2] or "")
    return ",".join(hosts).strip(",") or None, (",".join(ports) if any(ports) else None)


def _options(query: str) -> dict[str, str]:
    """Return what follows the question mark.

    Raises:
        ConfigError: One is a password, unknown, empty or given twice.
    """
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if "password" in name:
            raise ConfigError(f"the library's URL has a password; {_PASSWORD}")
        if name != "schema" and not re.fullmatch(_OPTIONS, name):
            shown = repr(name) if re.fullmatch(r"\w{1,40}", name) else ""
            raise ConfigError(f"the library's URL has an unknown option {shown}; expected schema, or one of libpq's")
        if not value:
            raise ConfigError(f"the library's URL has no value for {name}; write {name}=VALUE, or leave it out")
        if name in options:
            raise ConfigError(f"the library's URL has {name} twice; leave one out")
        options[name] = value
    return options


def _checked_schema(name: str) -> str:
    if re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) and not name.startswith("pg_"):
        return name
    raise ConfigError(
        f"the library's schema is {name[:70]!r}; expected at most 63 small letters, digits and _, not beginning with "
        "a digit or pg_"
    )
