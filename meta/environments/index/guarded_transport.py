"""Connects to package indexes, and never to a private address that nobody named.

A name is resolved once, and the connection goes to an address of that answer, so that a name cannot point elsewhere
between the check and the connection. This holds for redirects and links too, since all of them pass here.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from meta.environments.index.index_settings import origin_of

Origin = tuple[str, str, int]

_PRIVATE = [
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/9", "ff00::/8"),
    )
]
"""Addresses of this machine and its networks. Those reserved for documentation lead nowhere and are not listed."""


def is_private_address(text: str) -> bool:
    """Whether an address belongs to this machine or a private network."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_private_address(str(inner))
    return any(address.version == network.version and address in network for network in _PRIVATE)


class GuardedTransport(httpx.BaseTransport):
    """Sends requests to public addresses, and to the origins that were named.

    The person's `HTTPS_PROXY` and the like are used where they are set; the proxy then resolves the names.
    """

    def __init__(self, named: Iterable[Origin], tls: ssl.SSLContext) -> None:
        self._named, self._tls = frozenset(named), tls
        guard = _Guard({(host, port) for _, host, port in self._named})
        self._pool = httpcore.ConnectionPool(tls, max_connections=100, network_backend=guard)
        self._through_proxies: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if proxy := self._find_proxy(url):
            return proxy.handle_request(request)
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answer = self._pool.handle_request(sent)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        self._pool.close()
        for transport in self._through_proxies.values():
            transport.close()

    def _find_proxy(self, url: httpx.URL) -> httpx.HTTPTransport | None:
        proxies = getproxies()
        proxy = proxies.get(url.scheme) or proxies.get("all")
        if not proxy or proxy_bypass(url.host):
            return None
        if origin_of(str(url)) not in self._named and _looks_private(url.host):
            raise httpcore.ConnectError(f"{url.host} is a private address")
        if proxy not in self._through_proxies:
            self._through_proxies[proxy] = httpx.HTTPTransport(verify=self._tls, proxy=proxy, trust_env=False)
        return self._through_proxies[proxy]


def _looks_private(host: str) -> bool:
    try:
        return is_private_address(host)
    except ValueError:
        return "." not in host.rstrip(".") or host.rstrip(".").endswith((".localhost", ".local", ".internal"))


class _Guard(httpcore.NetworkBackend):
    """Resolves a name, refuses private addresses, and connects to what is left."""

    def __init__(self, named: set[tuple[str, int]]) -> None:
        self._named, self._network = named, httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be found: {error}") from None
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        allowed = [a for a in addresses if (host, port) in self._named or not is_private_address(a)]
        failure: Exception = httpcore.ConnectError(f"{host} is a private address")
        for address in allowed:
            try:
                return self._network.connect_tcp(address, port, *args, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()
