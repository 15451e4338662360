// Reads the code of a customer's wallet by the camera of the phone or PC that is the till. What it
// reads is told as a "scan" event and goes the way of what a keyboard scanner types.

const CAMERA = {
  audio: false,
  video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
};
const REFUSALS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};
const LARGEST_SIDE = 720;
const PAUSE_MS = 80;
const LATE_MS = 10_000;
const FOREIGN_MS = 2_500;
const SIGN_MS = 350;

const dialog = document.getElementById("camera");
const video = dialog.querySelector("video");
const ours = new RegExp(`^(?:${dialog.dataset.ours})$`);
const canvas = document.createElement("canvas");
const pixels = canvas.getContext("2d", { willReadFrequently: true });

/** The look under way. Whoever awaited something goes on only if it is still theirs. */
let look = null;
let sign;

// Without a secure connection browsers hide the camera: then the button is there to say so.
if (dialog.showModal && (navigator.mediaDevices?.getUserMedia || !window.isSecureContext)) {
  document.documentElement.classList.add("sees");
}
document.addEventListener("click", (event) => {
  if (dialog.open || !event.target.closest?.("[data-camera]")) return;
  dialog.showModal();
  begin();
});
dialog.querySelector("[data-again]").addEventListener("click", begin);
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", end);
// A page that comes back from the browser's memory comes back without its camera.
window.addEventListener("pagehide", leave);
// The browser's own question may hide the page; whoever looks elsewhere with the camera on has left.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && look?.stream) leave();
});

async function begin() {
  end();
  const mine = (look = { stream: null });
  if (!window.isSecureContext) return tell("insecure");
  tell("opening");
  try {
    const detector = nativeDetector().then((found) => found ?? bundledDetector());
    detector.catch(() => {}); // is told below, unless the camera itself is refused before
    const stream = await navigator.mediaDevices.getUserMedia(CAMERA);
    if (look !== mine) return stop(stream);
    mine.stream = stream;
    if (document.visibilityState === "hidden") return dialog.close();
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => giveUp(mine, "busy"));
    video.srcObject = stream;
    await video.play().catch(() => giveUp(mine, "failed")); // nobody refused the camera
    await read(mine, await detector, track);
  } catch (error) {
    giveUp(mine, REFUSALS[error.name] ?? "failed");
  }
}

function leave() {
  end();
  dialog.close();
}

function end() {
  clearTimeout(sign);
  if (look?.stream) stop(look.stream);
  look = null;
  video.srcObject = null;
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function giveUp(mine, why) {
  if (look !== mine) return;
  end();
  tell(why);
}

async function read(mine, detector, track) {
  const began = performance.now();
  let foreign = -Infinity;
  while (look === mine) {
    // Phones say that a camera runs before its first picture is there, and take it away for a call
    // without ending it: the track is muted then, and goes on by itself.
    if (track.muted || !video.videoWidth || video.readyState < video.HAVE_CURRENT_DATA) {
      if (track.muted && performance.now() - began > FOREIGN_MS) tell("busy");
      await pause();
      continue;
    }
    let found;
    try {
      found = await detector.detect(picture());
    } catch {
      detector = await bundledDetector(); // a browser may have the interface and no service behind it
      found = await detector.detect(picture());
    }
    if (look !== mine) return;
    const code = found.map((each) => each.rawValue.trim()).find((text) => ours.test(text));
    if (code) return take(mine, code);
    const now = performance.now();
    if (found.length) foreign = now;
    if (now - foreign < FOREIGN_MS) tell("foreign");
    else tell(now - began < LATE_MS ? "looking" : "late");
    await pause();
  }
}

function pause() {
  return new Promise((go) => setTimeout(go, PAUSE_MS));
}

/** Return what the frame on the page shows: the square in the middle. */
function picture() {
  const side = Math.min(video.videoWidth, video.videoHeight);
  const left = (video.videoWidth - side) / 2;
  const top = (video.videoHeight - side) / 2;
  canvas.width = canvas.height = Math.min(side, LARGEST_SIDE);
  pixels.drawImage(video, left, top, side, side, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** The camera is off at once, the last picture stays for a moment with the sign on it. */
function take(mine, code) {
  look = null;
  video.pause();
  stop(mine.stream);
  tell("found");
  navigator.vibrate?.(60);
  sign = setTimeout(() => {
    dialog.close();
    document.dispatchEvent(new CustomEvent("scan", { detail: code }));
  }, SIGN_MS);
}

async function nativeDetector() {
  const { BarcodeDetector } = globalThis;
  try {
    const formats = (await BarcodeDetector?.getSupportedFormats()) ?? [];
    return formats.includes("qr_code") ? new BarcodeDetector({ formats: ["qr_code"] }) : null;
  } catch {
    return null; // half an interface is none
  }
}

async function bundledDetector() {
  const { BarcodeDetector } = await import(dialog.dataset.detector);
  return new BarcodeDetector({ formats: ["qr_code"] });
}

// Only what changes is shown anew: a screen reader says each of it once.
function tell(why) {
  if (dialog.dataset.state === why) return;
  dialog.dataset.state = why;
  for (const words of dialog.querySelectorAll("[data-why]")) words.hidden = words.dataset.why !== why;
  dialog.querySelector("[data-again]").hidden = !["refused", "busy", "failed"].includes(why);
}
