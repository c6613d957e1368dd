"""The S3 server of the embedded stack: `weed mini` with every port on loopback, raw ports behind mTLS and JWT."""

import datetime
import ipaddress
import json
from pathlib import Path

from headwater_server.embedded import topology
from headwater_server.embedded.nats import binary
from headwater_server.embedded.processes import Child
from headwater_server.embedded.secrets_file import Secrets, write_private

_GRPC = ("volume", "master", "filer", "s3", "client", "msg_broker", "admin", "worker", "mq")
_PARTS = ("master", "volume", "filer", "s3", "admin")
PORTS = tuple(name for part in _PARTS for name in (part, f"{part}_grpc"))
_JWT = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


def child(state: Path, logs: Path, made: Secrets) -> Child:
    base = state / "s3"
    (base / "data").mkdir(parents=True, exist_ok=True)
    base.chmod(0o700)
    if not (base / "node.key").exists():
        _certificates(base)
    write_private(base / "security.toml", _security(base, made.jwt))
    keys = topology.s3_identities({name: (key[0], key[1]) for name, key in made.s3.items()})
    write_private(base / "s3.json", json.dumps(keys))
    return Child(
        "s3",
        _command(base, made.ports),
        logs / "s3.log",
        ready=lambda _: _answers(made.ports["s3"]),
        env={"GOMEMLIMIT": "320MiB", "GOGC": "50", "PATH": "/usr/bin:/bin", "HOME": str(base)},
        cwd=base,
    )


def _command(base: Path, p: dict[str, int]) -> list[str]:
    ports = [f"-{part}.port={p[part]}" for part in _PARTS] + [
        f"-{part}.port.grpc={p[f'{part}_grpc']}" for part in _PARTS
    ]
    return [
        str(binary("weed")), "-logtostderr=true", "mini", f"-dir={base}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        *ports, "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-disableHttp",
        "-master.telemetry=false", f"-s3.config={base}/s3.json", "-s3.iam=false", "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false", "-s3.cacheCapacityMB=16", "-s3.readerCacheSizeMB=32",
        f"-s3.localSocket={base}/s3.sock", f"-filer.localSocket={base}/filer.sock", "-volume.preStopSeconds=0",
    ]  # fmt: skip


def remove_sockets(ports: dict[str, int]) -> None:
    """The server makes some of its sockets in /tmp whatever it is told, and leaves them there."""
    for name, port in ports.items():
        if name.endswith("_grpc"):
            Path(f"/tmp/seaweedfs-{name.removesuffix('_grpc')}-grpc-{port}.sock").unlink(missing_ok=True)


def _answers(port: int) -> bool:
    import http.client  # not before the servers are on their way

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
    try:
        connection.request("GET", "/status")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _security(base: Path, jwt: str) -> str:
    lines = ["[grpc]", f'ca = "{base}/ca.crt"']
    for part in _GRPC:
        lines += [
            f"[grpc.{part}]",
            f'cert = "{base}/node.crt"',
            f'key = "{base}/node.key"',
            'allowed_commonNames = "weed"',
        ]
    for number, part in enumerate(_JWT):
        lines += [f"[{part}]", f'key = "{jwt}{number}"']
    return "\n".join(lines) + "\n"


def _certificates(base: Path) -> None:
    """A CA of this stack alone, whose key is thrown away, and one node certificate for loopback."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def sign(
        subject: str, public: ec.EllipticCurvePublicKey, issuer: ec.EllipticCurvePrivateKey, ca: bool
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("headwater")).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
        )  # fmt: skip
        if not ca:
            names = [x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")), x509.DNSName("localhost")]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(issuer, hashes.SHA256())

    ca_key, node_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    (base / "ca.crt").write_bytes(sign("headwater", ca_key.public_key(), ca_key, ca=True).public_bytes(pem))
    (base / "node.crt").write_bytes(sign("weed", node_key.public_key(), ca_key, ca=False).public_bytes(pem))
    key = node_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(base / "node.key", key.decode())
