// A client that knows nothing of ours: it signs with somebody else's implementation of RFC 9421 and
// with the browser's own Ed25519, and believes only what the published keys verify.
async ({ library, jwk, keyId, method, target, body, accept }) => {
  const { signMessage, verifyMessage } = await import(
    URL.createObjectURL(new Blob([library], { type: "text/javascript" }))
  );
  const encode = (text) => new TextEncoder().encode(text);
  const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const digest = async (bytes) =>
    `sha-256=:${base64(await crypto.subtle.digest("SHA-256", bytes))}:`;
  const nonce = base64(crypto.getRandomValues(new Uint8Array(16)));
  const secret = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);

  const url = new URL(target, location.origin);
  const fields = ["@method", "@authority", "@path", "@query"];
  const headers = { Accept: accept ?? "*/*" };
  if (body !== null) {
    headers["Content-Type"] = "application/json";
    headers["Content-Digest"] = await digest(encode(body));
    fields.push("content-type", "content-digest");
  }
  if (method === "POST") {
    headers["Idempotency-Key"] = crypto.randomUUID();
    fields.push("idempotency-key");
  }
  const request = await signMessage(
    {
      name: "other",
      key: {
        id: keyId,
        alg: "ed25519",
        sign: async (data) => new Uint8Array(await crypto.subtle.sign("Ed25519", secret, data)),
      },
      fields,
      params: ["created", "keyid", "nonce", "alg", "tag"],
      paramValues: { nonce, tag: "peyvand-gateway-v1" },
    },
    { method, url: url.href, headers },
  );
  const answer = await fetch(url, { method, headers: request.headers, body });
  const content = await answer.arrayBuffer();

  const published = await (await fetch("/.well-known/peyvand-keys.json")).json();
  const keyLookup = async ({ keyid }) => {
    const found = published.keys.find((each) => each.kid === keyid);
    if (!found) return null;
    const publicJwk = { kty: found.kty, crv: found.crv, x: found.x };
    const key = await crypto.subtle.importKey("jwk", publicJwk, "Ed25519", false, ["verify"]);
    return {
      id: keyid,
      algs: ["ed25519"],
      verify: (data, signature) => crypto.subtle.verify("Ed25519", key, signature, data),
    };
  };
  const verify = async (status, others, of = request) => {
    const received = Object.fromEntries(answer.headers);
    try {
      return await verifyMessage(
        {
          keyLookup,
          requiredFields: ["@status", "content-digest", "signature"],
          requiredParams: ["created", "keyid", "alg", "tag"],
        },
        { status, headers: { ...received, ...others } },
        of,
      );
    } catch (error) {
      return String(error);
    }
  };
  const otherRequest = { ...request, headers: { ...request.headers, Signature: "other=:AAAA:" } };
  return {
    status: answer.status,
    body: new TextDecoder().decode(content),
    verified: await verify(answer.status, {}),
    digest: answer.headers.get("Content-Digest") === (await digest(content)),
    anotherStatus: await verify(answer.status === 200 ? 201 : 200, {}),
    anotherBody: await verify(answer.status, { "content-digest": await digest(encode("{}")) }),
    anotherRequest: await verify(answer.status, {}, otherRequest),
  };
}
