"""An OIDC issuer for tests: real Ed25519 keys, a real JWKS over HTTP, tokens for any role."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey


class Issuer:
    """Serves `/.well-known/openid-configuration` and `/jwks.json` on a free loopback port."""

    def __init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519", {"kid": "test-1", "use": "sig", "alg": "Ed25519"})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def token(self, **claims: object) -> str:
        """A token; `claims` override or (with None) remove the usual ones."""
        now = int(time.time())
        usual: dict[str, object] = {
            "iss": self.url,
            "aud": "sinergi",
            "sub": "somebody",
            "iat": now,
            "exp": now + 600,
            "sinergi_role": "social_worker",
            "sinergi_agency": "dinsos",
            "sinergi_area": "31.74",
        }
        body = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode({"alg": "Ed25519", "kid": "test-1"}, body, self.key, algorithms=["Ed25519"])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                documents = {
                    "/.well-known/openid-configuration": {
                        "issuer": issuer.url,
                        "jwks_uri": f"{issuer.url}/jwks.json",
                    },
                    "/jwks.json": KeySet([issuer.key]).as_dict(private=False),
                }
                body = json.dumps(documents.get(self.path, {})).encode()
                self.send_response(200 if self.path in documents else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        return Handler
