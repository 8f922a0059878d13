"""A stand-in for NOMYO's Python client: as picky as that is, so that what satisfies this one satisfies it too.

Written from recorded traffic: what it sends it sends byte for byte as the recordings do, and what it cannot read in
an answer it refuses.
"""

import base64
import json
import os
import urllib.parse
import uuid

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

REQUEST_MEMBERS = {
    "version": "1.0",
    "algorithm": "hybrid-aes256-rsa4096",
    "key_algorithm": "RSA-OAEP-SHA256",
    "payload_algorithm": "AES-256-GCM",
}
SECONDS_WITHOUT_A_BYTE = 60.0


class APIError(Exception):
    """A refusal by the router."""

    def __init__(self, message, status_code=None, error_details=None):
        super().__init__(message)
        self.status_code = status_code
        self.error_details = error_details


class AuthenticationError(APIError):
    pass


class InvalidRequestError(APIError):
    pass


class ForbiddenError(APIError):
    pass


class NotFoundError(APIError):
    pass


class RateLimitError(APIError):
    pass


class ServerError(APIError):
    pass


class ServiceUnavailableError(APIError):
    pass


class SecurityError(Exception):
    """An answer that is not a sealed one."""


ERRORS = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitError,
    500: ServerError,
    503: ServiceUnavailableError,
}


def oaep():
    return padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def strict_base64(text, length=None):
    if not isinstance(text, str):
        raise SecurityError("a member is not a string")
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode("ascii") != text:
        raise SecurityError("not standard padded base64")
    if length is not None and len(data) != length:
        raise SecurityError("a member has the wrong length")
    return data


class SecureChatCompletion:
    """`create()` against one router, with one key pair."""

    def __init__(self, base_url, private_key_path, api_key=None, keeps_final_newline=True):
        self.base_url = base_url
        self.api_key = api_key
        with open(private_key_path, "rb") as file:
            self.private_key = serialization.load_pem_private_key(file.read(), password=None)
        pem = self.private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        # A key made in memory keeps its final newline, and so ends in %0A; one that was read from a file does not.
        self.public_key_pem = pem.decode("ascii") if keeps_final_newline else pem.decode("ascii").strip()

    async def create(self, security_tier=None, **payload):
        payload_id = str(uuid.uuid4())
        headers = {
            "X-Payload-ID": payload_id,
            "X-Public-Key": urllib.parse.quote(self.public_key_pem),
            "Content-Type": "application/octet-stream",
        }
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if security_tier is not None:
            headers["X-Security-Tier"] = security_tier
        async with httpx.AsyncClient(timeout=SECONDS_WITHOUT_A_BYTE) as http:
            envelope = self.seal(await self.fetch_server_key(http), payload)
            answer = await http.post(f"{self.base_url}/v1/chat/secure_completion", headers=headers, content=envelope)
        if answer.status_code != 200:
            raise self.error_of(answer)
        completion = self.open(answer.content)
        metadata = completion.setdefault("_metadata", {})
        if not isinstance(metadata, dict):
            raise SecurityError("_metadata is not an object")
        metadata.update(payload_id=payload_id, processed_at=self.processed_at, is_encrypted=True)
        return completion

    async def fetch_server_key(self, http):
        answer = await http.get(f"{self.base_url}/pki/public_key")
        if answer.status_code != 200:
            raise SecurityError("the router shows no key")
        key = serialization.load_pem_public_key(answer.text.encode("ascii"))
        if key.public_numbers().e != 65537:
            raise SecurityError("the router's key has another exponent")
        return key

    def seal(self, server_key, payload):
        content_key, nonce = os.urandom(32), os.urandom(12)
        encryptor = Cipher(algorithms.AES(content_key), modes.GCM(nonce)).encryptor()
        ciphertext = encryptor.update(json.dumps(payload).encode("utf-8")) + encryptor.finalize()

        def text(data):
            return base64.b64encode(data).decode("ascii")

        sealed = {"ciphertext": text(ciphertext), "nonce": text(nonce), "tag": text(encryptor.tag)}
        envelope = {
            "version": REQUEST_MEMBERS["version"],
            "algorithm": REQUEST_MEMBERS["algorithm"],
            "encrypted_payload": sealed,
            "encrypted_aes_key": text(server_key.encrypt(content_key, oaep())),
            "key_algorithm": REQUEST_MEMBERS["key_algorithm"],
            "payload_algorithm": REQUEST_MEMBERS["payload_algorithm"],
        }
        return json.dumps(envelope).encode("utf-8")

    def open(self, body):
        envelope = json.loads(body)
        for name, value in REQUEST_MEMBERS.items():
            if envelope[name] != value:
                raise SecurityError(f"{name} is not {value}")
        if set(envelope["encrypted_payload"]) != {"ciphertext", "nonce", "tag"}:
            raise SecurityError("the sealed payload is not ciphertext, nonce and tag")
        self.processed_at = envelope["processed_at"]
        if not isinstance(self.processed_at, int):
            raise SecurityError("processed_at is not a whole number")
        wrapped = strict_base64(envelope["encrypted_aes_key"], self.private_key.key_size // 8)
        content_key = self.private_key.decrypt(wrapped, oaep())
        if len(content_key) != 32:
            raise SecurityError("the content key has not 32 bytes")
        payload = envelope["encrypted_payload"]
        nonce, tag = strict_base64(payload["nonce"], 12), strict_base64(payload["tag"], 16)
        decryptor = Cipher(algorithms.AES(content_key), modes.GCM(nonce, tag)).decryptor()
        try:
            plaintext = decryptor.update(strict_base64(payload["ciphertext"])) + decryptor.finalize()
        except InvalidTag:
            raise SecurityError("the answer cannot be decrypted") from None
        completion = json.loads(plaintext)
        if not isinstance(completion, dict):
            raise SecurityError("the answer is not an object")
        return completion

    def error_of(self, answer):
        kind = ERRORS.get(answer.status_code)
        if kind is None:
            # Of any other status it reads nothing.
            return APIError(f"unexpected status {answer.status_code}", answer.status_code)
        details = answer.json()
        if not isinstance(details, dict) or not isinstance(details.get("detail"), str):
            raise SecurityError("an error answer has no detail that is a string")
        return kind(details["detail"], answer.status_code, details)
