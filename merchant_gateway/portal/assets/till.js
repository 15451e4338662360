// What a browser with script adds to the till. Without it every page works the same.
"use strict";

const SEPARATOR = document.documentElement.lang === "fa" ? "٬" : ",";
const PATIENCE_MS = 15000;
const SHORTEST_SCAN = 8;
const PAUSE_MS = 1000;
const LINE_ENDS_MS = 400;
const UNREAD = "\ufffd";
const FOREIGN = /[^0-9A-Za-z۰-۹٠-٩\s+-]/;

wire();
// What was shown in the background has an address to go back from; the page there is fetched anew.
window.addEventListener("popstate", () => window.location.reload());

function wire() {
  for (const field of document.querySelectorAll("input[data-grouped]")) {
    field.addEventListener("input", () => group(field));
  }
  // A form that is taken once is sent in the background. Where no answer comes, the page stays, says
  // so, and offers the same form again: the server knows it by its key and never books it twice.
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
  // What only asks books nothing, and goes the same way: without an answer the page stays as it was
  // typed. A button that leads elsewhere goes there by itself.
  for (const form of document.querySelectorAll("form[data-asks]")) {
    form.addEventListener("submit", (event) => {
      const leaves = event.submitter?.hasAttribute("formaction");
      if (leaves && navigator.onLine) return;
      event.preventDefault();
      if (leaves) noAnswer(form);
      else send(form);
    });
  }
  for (const told of document.querySelectorAll(".keys")) told.hidden = false;
}

// Amounts are grouped as they are typed, in the digits that they are typed in.
function group(field) {
  const digits = field.value.replace(/[^0-9۰-۹٠-٩]/g, "");
  const ending = field.value.length - field.selectionEnd;
  field.value = digits.replace(/(.)(?=(...)+$)/g, "$1" + SEPARATOR);
  const place = Math.max(0, field.value.length - ending);
  field.setSelectionRange(place, place);
}

async function send(form) {
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  const button = form.querySelector("[type=submit]");
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "Peyvand-Script": "yes" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!answer.ok) throw new Error(answer.statusText);
    const address = answer.headers.get("Peyvand-Location");
    // What was done has a page of its own. Anything else is shown as it came, not asked for again:
    // a code that was wrong once must not count twice.
    if (address) window.location.assign(address);
    else show(await answer.text(), asks(form) ? form.action : window.location.href);
  } catch {
    noAnswer(form);
  } finally {
    delete form.dataset.sending;
    button?.removeAttribute("aria-busy");
  }
}

function asks(form) {
  return "asks" in form.dataset;
}

function show(html, address) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const main = document.importNode(page.querySelector("main"), true);
  document.title = page.title;
  document.querySelector("main").replaceWith(main);
  for (const id of ["no-answer", "stray-scan"]) document.getElementById(id).hidden = true;
  if (address !== window.location.href) window.history.pushState(null, "", address);
  wire();
  (main.querySelector("[autofocus]") ?? main).focus();
  window.scrollTo(0, 0);
}

function noAnswer(form) {
  const told = document.getElementById("no-answer");
  tell(told, asks(form) ? "asked" : "sent");
  const button = told.querySelector("button");
  button.onclick = () => {
    told.hidden = true;
    form.requestSubmit();
  };
  button.focus();
}

// A scanner is a keyboard: it types what it reads and ends with Enter. Where no field takes it, Enter
// would press the button that has the focus and book what the cashier did not mean. So keys that came
// without a pause are remembered: such a scan names the customer where the page has a form for that,
// and is said to be lost where it has none or nothing could be read. It never presses a button.
let typed = nothingTyped();

document.addEventListener(
  "keydown",
  (event) => {
    if (event.isComposing) return;
    const plain = !(event.ctrlKey || event.altKey || event.metaKey);
    if (prints(event.key)) {
      remember(event, plain ? character(event) : UNREAD);
    } else if (event.key === "Enter") {
      if (plain) finish(event);
    } else if (event.key === "Escape") {
      typed = nothingTyped();
      if (plain && !document.querySelector("dialog[open]")) giveUp(event, document.querySelector("form[data-scan]"));
    } else if (!/^(Shift|CapsLock|NumLock|Control|Alt|AltGraph|Meta|Tab)$/.test(event.key)) {
      typed.text += UNREAD; // deleted or moved in: what was typed is no longer what stands there
    }
  },
  true,
);

function nothingTyped(place = null, at = -Infinity) {
  return { text: "", place, before: place?.value, at, taken: false };
}

// Names of keys are ASCII words; what a key prints is one character, or more in other scripts.
function prints(key) {
  return [...key].length === 1 || /[^\x20-\x7e]|^(Dead|Process|Unidentified)$/.test(key);
}

// A scanner presses the keys of a Latin keyboard, whatever the layout makes of them: under a Persian
// one A arrives as ش. Then the place of the key says what was meant.
function character({ key, code, shiftKey }) {
  if (/^[0-9A-Za-z]$/.test(key)) return key.toUpperCase();
  const [, letter, digit] = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code) ?? [];
  if (letter) return letter;
  if (digit && !shiftKey) return digit;
  return /^[۰-۹٠-٩]$/.test(key) ? key : UNREAD;
}

function remember(event, read) {
  if (event.repeat) return;
  const going = event.timeStamp - typed.at <= PAUSE_MS && event.target === typed.place && !typed.taken;
  if (event.key === " " && !takesText(event.target)) {
    if (!going) return; // somebody presses the button
    event.preventDefault();
  }
  if (!going) typed = nothingTyped(event.target);
  typed.at = event.timeStamp;
  typed.text += read;
}

function finish(event) {
  if (event.timeStamp - typed.at > PAUSE_MS) return;
  if (typed.taken) {
    // Some scanners end with two line ends; later than that it is a person's Enter.
    if (event.timeStamp - typed.at <= LINE_ENDS_MS) event.preventDefault();
    return;
  }
  const field = takesText(event.target) ? event.target : null;
  const readable = typed.text.length >= SHORTEST_SCAN && !typed.text.includes(UNREAD);
  if (field?.name === "member") {
    // No number and no code has Persian letters in it: that was a scan under a Persian layout.
    if (readable && typed.place === field && FOREIGN.test(field.value)) field.value = typed.text;
    return;
  }
  // Who means a button has typed nothing just before, or typed it into a field.
  if (field ? !spoils(field) : takesText(typed.place)) return;
  event.preventDefault();
  typed.at = event.timeStamp;
  typed.taken = true;
  if (field) field.value = typed.before;
  const scan = document.querySelector("form[data-scan]");
  if (scan && readable) take(scan, typed.text);
  else tellStray(scan ? "unread" : "unasked");
}

function take(scan, text) {
  document.querySelector("dialog[open]")?.close();
  scan.elements.member.value = text;
  scan.requestSubmit();
}

// What the camera read.
document.addEventListener("scan", (event) => {
  take(document.querySelector("form[data-scan]"), event.detail);
});

// Of a code that is scanned into an amount, the digits would stay.
function spoils(field) {
  const counts = /^(numeric|tel)$/.test(field.inputMode) && field.form?.method === "post";
  const scanned = typed.text.length >= SHORTEST_SCAN && /[A-Z]/.test(typed.text);
  return counts && scanned && typed.place === field;
}

function tellStray(why) {
  tell(document.getElementById("stray-scan"), why);
}

function tell(told, why) {
  for (const words of told.querySelectorAll("[data-why]")) words.hidden = words.dataset.why !== why;
  told.hidden = false;
}

function takesText(element) {
  return element.matches("textarea, select, input:not([type=radio], [type=checkbox])");
}

// Escape goes one step back: out of a field to what Enter would do, then out of the page.
function giveUp(event, scan) {
  const first = document.querySelector("[autofocus]");
  const undo = document.querySelector("details.undo");
  const form = document.querySelector("form[data-escape]");
  event.preventDefault();
  if (takesText(event.target) && first && first !== event.target) {
    first.focus();
  } else if (undo) {
    undo.open = true;
    undo.querySelector("[type=submit]").focus();
  } else if (form) {
    form.requestSubmit();
  } else if (scan) {
    for (const field of scan.querySelectorAll("input.big")) field.value = "";
    scan.elements.member.focus();
  }
}
