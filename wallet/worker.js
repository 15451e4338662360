// The wallet's service worker: where the network brings no page in time, what was kept is shown.
// offline.js says what that is. Only pages and files of ours are looked at, and nothing is sent.
const NAME = "peyvand-offline";
const PAGE = "/offline";
const PATIENCE_MS = 6_000;

const kept = (path) => caches.open(NAME).then((files) => files.match(path));

async function pageOf(request) {
  const stand_in = await kept(PAGE);
  if (!stand_in) return fetch(request);
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS, stand_in));
  return Promise.race([fetch(request).catch(() => stand_in), late]);
}

async function fileOf(request, path) {
  return (await kept(path)) ?? fetch(request);
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(pageOf(request));
  else if (pathname.startsWith("/assets/")) event.respondWith(fileOf(request, pathname));
});
