// What the wallet keeps on the phone for when there is no network, and the page that shows it.
//
// On a page with #keep-offline: fetches the pack (balance, words, the device's own key) and keeps it
// with the page that stands in for all others and its files. The key is kept as one that signs and
// cannot be read out again. On a page with #forget-offline (nobody is signed in): forgets all of it.
// On the page itself (#offline): makes a code each minute, as network/members/codes.py says.
const NAME = "peyvand-offline";
const STEP_MS = 60_000;
const LABEL = new TextEncoder().encode("peyvand-member-code-v1");
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function opened() {
  return new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("kept");
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
}

async function within(mode, act) {
  const base = await opened();
  try {
    const transaction = base.transaction("kept", mode);
    const asked = act(transaction.objectStore("kept"));
    await new Promise((done, failed) => {
      transaction.oncomplete = done;
      transaction.onabort = () => failed(transaction.error);
    });
    return asked.result;
  } finally {
    base.close();
  }
}

async function keep(address) {
  const asked = Date.now();
  const answer = await fetch(address, { cache: "no-store", redirect: "error" });
  if (!answer.ok) return;
  const { secret, server_ms: server, ...pack } = await answer.json();
  const offset = server - (asked + Date.now()) / 2;
  const raw = Uint8Array.from(atob(secret), (letter) => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const files = await caches.open(NAME);
  const wanted = [pack.page, ...pack.files];
  await files.addAll(wanted);
  for (const request of await files.keys()) {
    if (!wanted.includes(new URL(request.url).pathname)) await files.delete(request);
  }
  await within("readwrite", (kept) => kept.put({ ...pack, key, offset }, "pack"));
  await navigator.serviceWorker.register("/sw.js");
  document.documentElement.dataset.offline = "kept";
}

async function forget() {
  await within("readwrite", (kept) => kept.clear());
  await caches.delete(NAME);
  const worker = await navigator.serviceWorker.getRegistration("/");
  await worker?.unregister();
  document.documentElement.dataset.offline = "forgotten";
}

async function codeOf(pack, step) {
  const head = new DataView(new ArrayBuffer(10));
  head.setUint8(0, Math.floor(pack.handle / 2 ** 32));
  head.setUint32(1, pack.handle % 2 ** 32);
  head.setUint16(5, pack.packed_limit);
  head.setUint16(7, crypto.getRandomValues(new Uint16Array(1))[0]);
  head.setUint8(9, step % 256);
  const whole = new DataView(new ArrayBuffer(8));
  whole.setBigUint64(0, BigInt(step));
  const message = await new Blob([LABEL, head, whole]).arrayBuffer();
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", pack.key, message)).slice(0, 10);
  return base32(new Uint8Array([...new Uint8Array(head.buffer), ...mac]));
}

function base32(bytes) {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let left = bytes.length * 8 - 5; left >= 0; left -= 5) text += ALPHABET[Number((bits >> BigInt(left)) & 31n)];
  return text;
}

async function show(place) {
  const pack = await within("readonly", (kept) => kept.get("pack"));
  const part = place.querySelector(pack ? ".kept" : ".nothing");
  if (pack) {
    for (const [name, words] of Object.entries(pack.words)) {
      for (const spot of part.querySelectorAll(`[data-words="${name}"]`)) spot.textContent = words;
    }
    part.querySelector(".code-panel").classList.toggle("spends", pack.packed_limit > 0);
    const { encodeQR } = await import(place.dataset.writer);
    const draw = async () => {
      const now = Date.now() + pack.offset;
      const step = Math.floor(now / STEP_MS);
      const text = await codeOf(pack, step);
      const options = { ecc: "medium", version: 2, encoding: "alphanumeric", border: 3 };
      part.querySelector(".qr").innerHTML = encodeQR(text, "svg", options);
      part.querySelector(".code-text").textContent = text.match(/.{4}/g).join(" ");
      setTimeout(draw, (step + 1) * STEP_MS - now);
    };
    await draw();
  }
  part.hidden = false;
}

const place = document.getElementById("offline");
const keeper = document.getElementById("keep-offline");
if (place) {
  show(place).catch(() => (place.querySelector(".nothing").hidden = false));
} else if ("serviceWorker" in navigator && crypto.subtle) {
  // Without room or with storage barred the wallet goes on without: it is a page like any other.
  (keeper ? keep(keeper.dataset.pack) : forget()).catch(() => undefined);
}
