// SPDX-License-Identifier: Apache-2.0
// A real OpenID provider with a device flow, on loopback: `node device_provider.mjs FOLDER-OF-OIDC-PROVIDER`.
// Prints its issuer. POST /test/approve?code=… and /test/deny?code=… are what a person with a browser would do.

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const { default: Provider } = await import(pathToFileURL(`${process.argv[2]}/lib/index.js`).href);
const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const EMAIL = { email: "dana@acme.example", email_verified: true };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "sigstore",
      token_endpoint_auth_method: "none",
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code"],
      response_types: [],
      redirect_uris: [],
      application_type: "native",
    },
  ],
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
  interactions: { url: () => "/nowhere" },
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...EMAIL }) }),
  ttl: { DeviceCode: 600, IdToken: 3600, AccessToken: 3600, Grant: 3600 },
});

async function decide(action, shown) {
  const code = await provider.DeviceCode.findByUserCode(shown.replace(/\W/g, ""), { ignoreExpiration: true });
  if (action === "deny") {
    Object.assign(code, { error: "access_denied", errorDescription: "no" });
  } else {
    const grant = new provider.Grant({ accountId: "dana", clientId: code.clientId });
    grant.addOIDCScope("openid email");
    const grantId = await grant.save();
    Object.assign(code, { accountId: "dana", grantId, scope: "openid email", claims: {}, authTime: 1 });
  }
  await code.save(600);
}

const handle = provider.callback();
server.on("request", (request, response) => {
  const url = new URL(request.url, issuer);
  if (request.method !== "POST" || !url.pathname.startsWith("/test/")) {
    handle(request, response);
    return;
  }
  decide(url.pathname.slice("/test/".length), url.searchParams.get("code")).then(
    () => response.end("done"),
    (error) => response.writeHead(500).end(String(error)),
  );
});
console.log(issuer);
