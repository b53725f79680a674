// SPDX-License-Identifier: Apache-2.0
// An OpenID provider on loopback with the accounts of argv[3]; oidc-provider is taken from the folder argv[2].
// Prints {"issuer": …} when it listens, and ends when its standard input does.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [, , folder, accountsText] = process.argv;
const accounts = JSON.parse(accountsText);
console.warn = console.info = () => {};
const { Provider } = await import(pathToFileURL(`${folder}/oidc-provider/lib/index.js`));

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signing = { ...privateKey.export({ format: "jwk" }), use: "sig", kid: "one", alg: "ES256" };
  const client = {
    client_id: "gaitops-tests",
    token_endpoint_auth_method: "none",
    application_type: "native",
    redirect_uris: ["http://127.0.0.1/callback"],
    grant_types: ["authorization_code"],
    response_types: ["code"],
    id_token_signed_response_alg: "ES256",
  };
  const provider = new Provider(issuer, {
    clients: [client, { ...client, client_id: "somebody-else" }],
    jwks: { keys: [signing] },
    cookies: { keys: ["throw-away"] },
    scopes: ["openid", "email", "profile", "groups"],
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["name", "preferred_username"],
      groups: ["groups"],
    },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
  server.on("request", provider.callback());
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
