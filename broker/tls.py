"""TLS to a broker, and which of its failures only a person can mend."""

import ssl

from jeonju.broker.address import CA, BrokerUrl
from jeonju.common.errors import UserError


class _TlsSocket(ssl.SSLSocket):
    """A socket that is closed when the handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002  (as it is called)
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def context_of(address: BrokerUrl) -> ssl.SSLContext:
    """Return what a connection uses: the trusted CA, and the certificate of this client. Raises UserError for files that are none."""
    try:
        context = ssl.create_default_context(cafile=address.ca)
        context.sslsocket_class = _TlsSocket
    except ssl.SSLError:
        raise UserError(f"{address.ca} holds no certificate in PEM; set {CA} to the CA's file") from None
    if address.certificate and address.key:
        try:
            # An encrypted key would be asked for at a terminal.
            context.load_cert_chain(address.certificate, address.key, password=lambda: b"")
        except ssl.SSLError as error:
            raise UserError(
                f"{address.certificate} and {address.key} are no certificate and key that fit: {error.reason or error}"
            ) from None
    return context


def lasting_reason(error: OSError) -> str | None:
    """Return what a person must change, or None where waiting may help."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}; set {CA} to the file of its CA"
    reason = getattr(error, "reason", None) or ""
    if isinstance(error, ssl.SSLError) and (
        "ALERT" in reason or "RECORD_LAYER" in reason or reason == "WRONG_VERSION_NUMBER"
    ):
        return f"does not agree on TLS: {reason.replace('_', ' ').lower()}; is the port right, and mqtts://?"
    return None
