"""One lean WebRTC caller: an offer, a UDP socket, just enough ICE and DTLS, SRTP. Costs a fraction of what it measures."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hmac
import os
import random
import socket
import struct
import time
import zlib
from collections import deque
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from benchmarks import arrival
from benchmarks.sound import FRAME

PAYLOAD_TYPE = 111
RED_TYPE = 63
COOKIE = 0x2112A442
CHECK_S, CONSENT_S, RETRY_S = 0.2, 2.5, 0.3
PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}


class Identity:
    """The certificate that all callers of a run share."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "caller")])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = (
            builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
        )
        certificate = builder.sign(key, hashes.SHA256())
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self.context.set_tlsext_use_srtp(b":".join(PROFILES))


@dataclass(slots=True)
class Packet:
    """One RTP packet that came back."""

    at: float
    sequence: int
    timestamp: int
    payload: bytes
    size: int = 0
    """Of the whole datagram, in bytes."""


class Caller:
    """One call. :meth:`offer` and :meth:`answer` set it up, :meth:`readable` reads its socket, :meth:`send` speaks.

    ``decrypt`` says whether what comes back is decrypted: only for those calls whose sound is listened to. With ``copies``
    each packet repeats so many before it (RFC 2198).
    """

    def __init__(self, identity: Identity, host: str, *, decrypt: bool = False, copies: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        arrival.stamp(self.socket)
        self.socket.bind((host, 0))
        self.up = False
        self.dtx = False
        """The far end asked for nothing to be sent in silence."""
        self.due = 0.0
        self.packets: list[Packet] = []
        self._identity = identity
        self._host = host
        self._decrypt = decrypt
        self._earlier: deque[tuple[int, bytes]] = deque(maxlen=copies)
        self._ufrag = base64.b32encode(os.urandom(5)).decode()[:8]
        self._password = base64.b32encode(os.urandom(20)).decode()[:28]
        self._tie_breaker = os.urandom(8)
        self._ssrc = random.getrandbits(32)
        self._sequence, self._timestamp = random.getrandbits(14), random.getrandbits(31)
        self._transaction = b""
        self._path: tuple[str, int] | None = None

    @property
    def checked(self) -> bool:
        """The far end has answered a connectivity check, and the handshake begins."""
        return self._path is not None

    # --- signalling -----------------------------------------------------------------------------------------------

    def offer(self) -> str:
        """Return an audio-only offer with one candidate."""
        port = self.socket.getsockname()[1]
        red = [f"a=rtpmap:{RED_TYPE} red/48000/2", f"a=fmtp:{RED_TYPE} {PAYLOAD_TYPE}/{PAYLOAD_TYPE}"]
        red = red if self._earlier.maxlen else []
        kinds = f"{PAYLOAD_TYPE} {RED_TYPE}" if red else f"{PAYLOAD_TYPE}"
        lines = [
            "v=0", f"o=- {random.getrandbits(60)} 2 IN IP4 127.0.0.1", "s=-", "t=0 0",
            "a=group:BUNDLE 0", "a=msid-semantic: WMS stream",
            f"m=audio {port} UDP/TLS/RTP/SAVPF {kinds}", f"c=IN IP4 {self._host}", "a=rtcp:9 IN IP4 0.0.0.0",
            f"a=candidate:1 1 udp 2130706431 {self._host} {port} typ host", "a=end-of-candidates",
            f"a=ice-ufrag:{self._ufrag}", f"a=ice-pwd:{self._password}",
            f"a=fingerprint:sha-256 {self._identity.fingerprint}", "a=setup:actpass", "a=mid:0", "a=sendrecv",
            "a=msid:stream track", "a=rtcp-mux", f"a=rtpmap:{PAYLOAD_TYPE} opus/48000/2",
            f"a=fmtp:{PAYLOAD_TYPE} minptime=10;useinbandfec=1", *red, f"a=ssrc:{self._ssrc} cname:caller", "",
        ]  # fmt: skip
        return "\r\n".join(lines)

    def answer(self, sdp: str) -> None:
        """Take the answer and begin to connect. Raises ValueError when it names no address that we can use."""
        values = {}
        candidates = []
        for line in sdp.splitlines():
            name, _, value = line.removeprefix("a=").partition(":")
            parts = value.split()
            if name == "candidate" and parts[2].lower() == "udp" and parts[7] == "host" and "." in parts[4]:
                candidates.append((parts[4], int(parts[5])))
            values.setdefault(name, value.strip())
        self._candidates = [each for each in candidates if each[0] == self._host] or candidates
        if not self._candidates:
            raise ValueError(f"no IPv4 candidate in the answer:\n{sdp}")
        self._their_ufrag, self._their_password = values["ice-ufrag"], values["ice-pwd"].encode()
        self._we_accept = values.get("setup") == "active"
        self.dtx = "usedtx=1" in values.get("fmtp", "")
        self._tls = SSL.Connection(self._identity.context, None)
        (self._tls.set_accept_state if self._we_accept else self._tls.set_connect_state)()
        self.tick(time.perf_counter())

    # --- the wire -------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Send the connectivity check or handshake retry that is due; sets :attr:`due`."""
        self._check()
        if self._path is not None and not self.up:
            self._handshake(b"")
        self.due = now + (CONSENT_S if self.up else RETRY_S if self._path else CHECK_S)

    def readable(self, now: float) -> None:
        """Read what has come."""
        while True:
            try:
                data, source, at = arrival.receive(self.socket, time.perf_counter())
            except (BlockingIOError, ConnectionRefusedError):
                return
            if data and data[0] < 4:
                self._stun(data, source, now)
            elif data and 20 <= data[0] <= 63:
                self._handshake(data)
            elif self.up and not 192 <= data[1] <= 223:
                self._rtp(data, at)

    def send(self, payload: bytes, *, marker: bool = False) -> None:
        """Send 20 ms."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        kind = (RED_TYPE if self._earlier else PAYLOAD_TYPE) | (0x80 if marker else 0)
        if self._earlier.maxlen:
            payload = self._with_copies(payload)
        header = struct.pack("!BBHII", 0x80, kind, self._sequence, self._timestamp, self._ssrc)
        self._put(self._outgoing.protect(header + payload))

    def _with_copies(self, payload: bytes) -> bytes:
        heads = b"".join(
            ((0x80 | PAYLOAD_TYPE) << 24 | (self._timestamp - at & 0x3FFF) << 10 | len(copy)).to_bytes(4, "big")
            for at, copy in self._earlier
        )
        whole = heads + bytes((PAYLOAD_TYPE,)) * bool(heads) + b"".join(copy for _, copy in self._earlier) + payload
        self._earlier.append((self._timestamp, payload))
        return whole

    def skip(self) -> None:
        """Let 20 ms pass without a packet."""
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF

    def close(self) -> None:
        """Free the socket."""
        self.socket.close()

    def _put(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):  # it counts as lost on the way
            self.socket.sendto(data, self._path or self._candidates[0])

    def _check(self) -> None:
        self._transaction = os.urandom(12)
        user = f"{self._their_ufrag}:{self._ufrag}".encode()
        attributes = [
            (0x0006, user), (0x0024, struct.pack("!I", 1853824767)), (0x802A, self._tie_breaker), (0x0025, b""),
        ]  # fmt: skip
        message = _stun_message(0x0001, self._transaction, attributes, self._their_password)
        for target in [self._path] if self._path else self._candidates:
            self.socket.sendto(message, target)

    def _stun(self, data: bytes, source: tuple[str, int], now: float) -> None:
        kind = data[0] << 8 | data[1]
        if kind == 0x0001:
            address = bytes(a ^ b for a, b in zip(socket.inet_aton(source[0]), COOKIE.to_bytes(4, "big"), strict=True))
            mapped = struct.pack("!BBH", 0, 1, source[1] ^ (COOKIE >> 16)) + address
            self.socket.sendto(_stun_message(0x0101, data[8:20], [(0x0020, mapped)], self._password.encode()), source)
        elif kind == 0x0101 and self._path is None and data[8:20] == self._transaction:
            self._path = source
            self.tick(now)

    def _handshake(self, data: bytes) -> None:
        if self._path is None or self._tls is None:
            return
        if data:
            self._tls.bio_write(data)
        if not self.up:
            try:
                self._tls.do_handshake()
                self._keys()
            except SSL.WantReadError:
                pass
        while True:
            try:
                self._put(self._tls.bio_read(1400))
            except SSL.Error:
                return

    def _keys(self) -> None:
        profile, key, salt = PROFILES[self._tls.get_selected_srtp_profile()]
        material = self._tls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        ours, theirs = (server, client) if self._we_accept else (client, server)
        self._outgoing = Session(Policy(key=ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._incoming = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.up = True

    def _rtp(self, data: bytes, now: float) -> None:
        _, _, sequence, timestamp = struct.unpack_from("!BBHI", data)
        payload = b""
        if self._decrypt:
            try:
                payload = _payload(self._incoming.unprotect(data))
            except SrtpError:
                return
        self.packets.append(Packet(now, sequence, timestamp, payload, len(data)))


def _payload(packet: bytes) -> bytes:
    start = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return packet[start:]


def _stun_message(kind: int, transaction: bytes, attributes: list[tuple[int, bytes]], key: bytes) -> bytes:
    """Return a message with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §14.5, §14.7)."""
    body = b"".join(struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4) for name, value in attributes)

    def head(length: int) -> bytes:
        return struct.pack("!HHI", kind, length, COOKIE) + transaction

    body += struct.pack("!HH", 0x0008, 20) + hmac.digest(key, head(len(body) + 24) + body, "sha1")
    check = zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554E
    return head(len(body) + 8) + body + struct.pack("!HHI", 0x8028, 4, check)
