"""Verifies ID tokens with PyJWT, as an API server does that was given an issuer and its own client id and nothing else.

Arguments: the issuer and the audience. Input: a token per line. Output: a line of JSON for each, with either its `claims` or
the name of the error by which it was `refused`.
"""

import json
import sys
import urllib.request

import jwt

issuer, audience = sys.argv[1:]
with urllib.request.urlopen(issuer.rstrip("/") + "/.well-known/openid-configuration") as answer:
    discovered = json.load(answer)
# OIDC Discovery 4.3: character by character.
if discovered["issuer"] != issuer:
    sys.exit(f"the issuer says that it is {discovered['issuer']}")
keys = jwt.PyJWKClient(discovered["jwks_uri"])
algorithms = discovered["id_token_signing_alg_values_supported"]

print(json.dumps({"algorithms": algorithms}), flush=True)
for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=audience,
            issuer=issuer,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
        verdict = {"claims": claims}
    except Exception as error:
        verdict = {"refused": type(error).__name__}
    print(json.dumps(verdict), flush=True)
