"""A private CA: it signs the broker's certificate and those of devices, and lists the ones that are revoked.

Keys are ECDSA on P-256, which small devices can do. Certificates follow RFC 5280 to the letter, as strict clients demand.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jeonju.common.errors import UserError

# Devices often run on a clock that is behind.
BACKDATED: Final = timedelta(days=1)
CA_LIFE: Final = timedelta(days=3650)
SERVER_LIFE: Final = timedelta(days=397)
DEVICE_LIFE: Final = timedelta(days=730)
# A broker refuses everybody once its list is out of date, and ours is always the newest: it lives as long as its CA.
LIST_LIFE: Final = CA_LIFE


class Issued(NamedTuple):
    """A certificate and its key in PEM, its serial number in hex, and its end."""

    certificate: bytes
    key: bytes
    serial: str
    expires_at: datetime


class Revoked(NamedTuple):
    """A certificate that is good no more."""

    serial: str
    at: datetime


class Authority:
    """The private CA."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        try:
            self._certificate = x509.load_pem_x509_certificate(certificate)
            loaded = load_pem_private_key(key, None)
        except (ValueError, TypeError) as error:
            raise UserError(f"the CA's certificate or key is damaged: {error}") from error
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise UserError("the CA's key is none of ours: it is not ECDSA")
        self._key = loaded

    @classmethod
    def create(cls, name: str, now: datetime) -> tuple["Authority", Issued]:
        """Return a new CA, and its certificate and key to keep."""
        key, subject = ec.generate_private_key(ec.SECP256R1()), _name(name)
        public, serial = key.public_key(), x509.random_serial_number()
        builder = (
            _builder(subject, subject, public, public, now, CA_LIFE, serial)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        issued = _issued(builder, key, key)
        return cls(issued.certificate, issued.key), issued

    def for_server(self, names: Iterable[str], now: datetime) -> Issued:
        """Return a certificate of a broker that is reached under these names and addresses."""
        # The nodes of a cluster are clients of each other.
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issue("broker", now, SERVER_LIFE, uses, [_place(name) for name in names])

    def for_client(self, name: str, now: datetime, life: timedelta = DEVICE_LIFE) -> Issued:
        """Return a certificate that logs in as the account `name`; its subject has its serial number too, by which NATS knows it."""
        return self._issue(name, now, life, [ExtendedKeyUsageOID.CLIENT_AUTH], [])

    def revocation_list(self, revoked: Iterable[Revoked], now: datetime) -> bytes:
        """Return the list of revoked certificates (CRL) in PEM."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(now + LIST_LIFE)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        )
        for certificate in revoked:
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(int(certificate.serial, 16))
                .revocation_date(certificate.at)
            )
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _issue(
        self,
        name: str,
        now: datetime,
        life: timedelta,
        uses: list[x509.ObjectIdentifier],
        places: list[x509.GeneralName],
    ) -> Issued:
        key, serial = ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number()
        subject = _name(name, f"{serial:x}")
        builder = (
            _builder(self._certificate.subject, subject, key.public_key(), self._key.public_key(), now, life, serial)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        )
        if places:
            builder = builder.add_extension(x509.SubjectAlternativeName(places), critical=False)
        return _issued(builder, key, self._key)


def expiry(certificate: bytes) -> datetime:
    """Return when a certificate in PEM ends."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def places(certificate: bytes) -> set[str]:
    """Return the names and addresses a broker's certificate in PEM holds for."""
    names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in names.value}


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _issued(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> Issued:
    certificate = builder.sign(signer, hashes.SHA256())
    return Issued(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        f"{certificate.serial_number:x}",
        certificate.not_valid_after_utc,
    )


def _name(common_name: str, serial: str | None = None) -> x509.Name:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    return x509.Name(names + ([x509.NameAttribute(NameOID.SERIAL_NUMBER, serial)] if serial else []))


def _place(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError as error:
        raise UserError(f"{text!r} is no host name or address for a certificate: {error}") from error


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
