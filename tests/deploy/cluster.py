"""What a Kubernetes cluster has for the programs: tokens of service accounts, and an API server that publishes its keys."""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time

import pki

KEYS = "/openid/v1/jwks"
KEY_ID = "cluster-1"


def encode(content):
    """Base64 as in RFC 7515."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class ServiceAccounts:
    """The issuer of a cluster, with an RSA key as in Kubernetes."""

    def __init__(self, folder, issuer):
        self._key = folder / "service-accounts.key"
        self.issuer = issuer
        pki.openssl("genrsa", "-out", self._key, "2048")

    def keys(self):
        """The set of public keys (RFC 7517)."""
        modulus = pki.openssl("rsa", "-in", self._key, "-noout", "-modulus").strip().partition("=")[2]
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID}
        return {"keys": [{**key, "n": encode(bytes.fromhex(modulus)), "e": encode(b"\x01\x00\x01")}]}

    def token(self, namespace, name, audience):
        """The token that the kubelet mounts into a pod."""
        now = int(time.time())
        account = f"system:serviceaccount:{namespace}:{name}"
        header = {"alg": "RS256", "kid": KEY_ID}
        claims = {"iss": self.issuer, "aud": [audience], "sub": account, "iat": now, "nbf": now, "exp": now + 3600}
        signed = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self._key],
            input=signed.encode(),
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        return f"{signed}.{encode(signature)}"


class ApiServer:
    """Serves the keys over HTTPS on localhost, as the API server does: only to those who have a token."""

    def __init__(self, certificate, accounts, token):
        keys = json.dumps(accounts.keys()).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                allowed = self.path == KEYS and self.headers["Authorization"] == f"Bearer {token}"
                self.send_response(200 if allowed else 403)
                self.end_headers()
                self.wfile.write(keys if allowed else b"")

            def log_message(self, format, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def keys_url(self):
        return f"https://localhost:{self._server.server_address[1]}{KEYS}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
