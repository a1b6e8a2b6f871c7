"""A certificate of this machine for itself, so that TLS can be tried without an authority."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streams.local.process import require, run

OPENSSL_S = 30


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: what clients trust (`certificate`), the key, and both in one as Kafka wants them (`chain`)."""

    certificate: Path
    key: Path
    chain: Path


def make_certificate(folder: Path) -> Certificate:
    """A certificate for 127.0.0.1 and localhost that signs itself, valid for thirty days."""
    openssl = require("openssl", "openssl")
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "chain.pem")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
    command += ["-addext", names, "-keyout", str(made.key), "-out", str(made.certificate)]
    run(command, folder / "openssl.txt", OPENSSL_S)
    made.chain.touch(mode=0o600)
    made.chain.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())
    return made
