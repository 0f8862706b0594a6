"""Packs the base tree and surface for a replay, and unpacks them on a node."""

from __future__ import annotations

import io
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from meta.disk.cache import Cache
from meta.records.replay import Purpose
from meta.records.ticket import Ticket
from worker_agent.machine_error import is_machine_error
from worker_agent.surface import BadSurface, Surface, load_surface
from worker_agent.workspace import Template


@dataclass(frozen=True)
class PackedFolder:
    """A folder as bytes. Its name is a hash of its content."""

    name: str
    packed: bytes

    @classmethod
    def pack(cls, name: str, folder: Path) -> PackedFolder:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            archive.add(folder, arcname=".")
        return cls(name, packed.getvalue())

    def unpack(self, below: Path) -> Path:
        """Return the folder below `below`, unpacked unless it is there already.

        Safe for many processes at once.
        """
        home = below / self.name
        if home.exists():
            return home
        below.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=below, prefix=".making-") as name:
            made = Path(name) / "made"
            with tarfile.open(fileobj=io.BytesIO(self.packed)) as archive:
                archive.extractall(made, filter="fully_trusted")  # packed by the driver, from its own cache
            try:
                made.rename(home)
            except OSError:
                if not home.exists():  # else another process was first
                    raise
        return home


@dataclass(frozen=True)
class Shipment:
    """One replay as it travels: the ticket with its grader, and what it is for.

    Folders travel beside it, by name.
    """

    ticket: Ticket
    purpose: Purpose
    candidate: int | None


def pack_template(template: Template) -> PackedFolder:
    return PackedFolder.pack(template.tree.parent.name, template.tree.parent)


def pack_surface(surface: Surface) -> PackedFolder:
    return PackedFolder.pack(surface.version, surface.root)


def unpack_ticket(ticket: Ticket, template: PackedFolder, cache: Cache) -> Ticket:
    """Return the ticket with the unpacked base tree as its repository."""
    home = template.unpack(cache.templates)
    return ticket.model_copy(update={"repo": str(home / "tree"), "base_commit": "HEAD"})


def unpack_surface(surface: PackedFolder, cache: Cache) -> Surface:
    """Return the surface as it can be used on this machine.

    Raises `BadSurface` if it cannot: another machine has shorter paths, or other names for files.
    """
    try:
        return load_surface(surface.unpack(cache.versions))
    except (OSError, tarfile.TarError, ValueError) as error:
        if is_machine_error(error):
            raise
        raise BadSurface(f"it cannot be unpacked: {error}") from None
