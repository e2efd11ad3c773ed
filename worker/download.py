"""Fetch one file from a provider's host: no other host, no redirect, no more bytes and no longer than allowed."""

import asyncio
import queue
import socket
import ssl
import threading
import time
from collections.abc import Collection
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx2

from engine.ports import ProviderTrouble, Trouble

HERE = ("127.0.0.1", "localhost")
HTTPS_PORT = 443
OK = 200
WORTH_ANOTHER_TRY = (408, 425, 429)
TRANSLATED = IPv6Network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


def download(url: str, *, hosts: Collection[str], most_bytes: int = 20_000_000, seconds: float = 15) -> bytes:
    """The bytes behind an address, within `seconds` from first to last, by https from one of `hosts`.

    `.example.com` in `hosts` means every host below it. `127.0.0.1` or `localhost` in `hosts` allows this machine, also
    by plain http and on any port. Raises ProviderTrouble.
    """
    until = time.monotonic() + seconds
    checked = _checked(url, hosts)
    address = _address(checked.host, until)
    if not (_is_public(address) or (address.is_loopback and checked.host in HERE)):
        raise _refused(f"{checked.host} is at {address}")
    try:
        return asyncio.run(_fetch(checked, address, most_bytes, until))
    except TimeoutError as error:
        raise _failed("the time was over") from error
    except httpx2.HTTPError as error:
        raise _failed(f"{type(error).__name__}: {error}") from error


def _checked(url: str, hosts: Collection[str]) -> httpx2.URL:
    """The address as it is going to be used, so that no second parser can read it differently."""
    try:
        checked = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise _refused(f"no address: {error}") from error
    if checked.userinfo or not _is_listed(checked.host, hosts):
        raise _refused(f"{checked.host!r} is not one of the provider's hosts")
    is_here = checked.host in HERE
    if checked.scheme != "https" and not (is_here and checked.scheme == "http"):
        raise _refused(f"{checked.scheme}: is not https")
    if checked.port not in (None, HTTPS_PORT) and not is_here:
        raise _refused(f"port {checked.port}")
    return checked


def _is_listed(host: str, hosts: Collection[str]) -> bool:
    return bool(host) and any(host == one or (one.startswith(".") and host.endswith(one)) for one in hosts)


def _address(host: str, until: float) -> Address:
    """What the name means now, asked once."""
    # getaddrinfo knows no deadline: when it is late, it is left behind in its thread.
    answers: queue.SimpleQueue[Address | OSError] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_looked_up(host)), daemon=True).start()
    try:
        found = answers.get(timeout=max(0, until - time.monotonic()))
    except queue.Empty as error:
        raise _failed(f"no answer where {host} is") from error
    if isinstance(found, OSError):
        raise _failed(f"{host}: {found}") from found
    return found


def _looked_up(host: str) -> Address | OSError:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return ip_address(str(found[0][4][0]))
    except (OSError, ValueError) as error:  # ValueError: a name that cannot be one, or an address with a zone
        return error if isinstance(error, OSError) else OSError(str(error))


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return _is_public(inner)
    return address.is_global and not address.is_multicast


async def _fetch(url: httpx2.URL, address: Address, most_bytes: int, until: float) -> bytes:
    """Connects to the very address that was checked; the name is still what the certificate must say."""
    headers = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity"}
    pinned, name = url.copy_with(host=str(address)), url.raw_host.decode("ascii")
    async with (
        asyncio.timeout(until - time.monotonic()),
        httpx2.AsyncClient(verify=_trust(), trust_env=False, follow_redirects=False, timeout=None) as client,
        client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": name}) as response,
    ):
        _check_answer(response, most_bytes)
        content = bytearray()
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > most_bytes:
                raise _too_large(most_bytes)
        return bytes(content)


def _check_answer(response: httpx2.Response, most_bytes: int) -> None:
    status = response.status_code
    if status in WORTH_ANOTHER_TRY or status >= 500:
        raise _failed(f"status {status}")
    if status != OK:
        raise _refused(f"status {status}")
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise ProviderTrouble(Trouble.BROKEN_PICTURE, is_permanent=True, detail="compressed, though not asked to be")
    declared = response.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared) > most_bytes:
        raise _too_large(most_bytes)


@cache
def _trust() -> ssl.SSLContext:
    """Reading the trusted certificates takes longer than a small download."""
    return httpx2.create_ssl_context(trust_env=False)


def _refused(detail: str) -> ProviderTrouble:
    return ProviderTrouble(Trouble.PROVIDER, is_permanent=True, detail=f"download: {detail}")


def _failed(detail: str) -> ProviderTrouble:
    return ProviderTrouble(Trouble.PROVIDER, is_permanent=False, detail=f"download: {detail}")


def _too_large(most_bytes: int) -> ProviderTrouble:
    return ProviderTrouble(Trouble.BROKEN_PICTURE, is_permanent=True, detail=f"more than {most_bytes} bytes")
