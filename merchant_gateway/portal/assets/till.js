// What a browser with script adds to the till. Without it every page works the same.
"use strict";

const SEPARATOR = document.documentElement.lang === "fa" ? "٬" : ",";
const PATIENCE_MS = 15000;
const SHORTEST_SCAN = 8;

wire();

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
  // What only asks books nothing: without a network the page stays as it was typed.
  for (const form of document.querySelectorAll("form[data-asks]")) {
    form.addEventListener("submit", (event) => {
      if (navigator.onLine) return;
      event.preventDefault();
      noAnswer(form);
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
  button.setAttribute("aria-busy", "true");
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
    else show(await answer.text());
  } catch {
    noAnswer(form);
  } finally {
    delete form.dataset.sending;
    button.removeAttribute("aria-busy");
  }
}

function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const main = document.importNode(page.querySelector("main"), true);
  document.title = page.title;
  document.querySelector("main").replaceWith(main);
  wire();
  (main.querySelector("[autofocus]") ?? main).focus();
  window.scrollTo(0, 0);
}

function noAnswer(form) {
  const told = document.getElementById("no-answer");
  told.hidden = false;
  const button = told.querySelector("button");
  button.onclick = () => {
    told.hidden = true;
    form.requestSubmit();
  };
  button.focus();
}

// A scanner types what it reads and ends with Enter. Where no field takes it, Enter would press the
// button that has the focus and book what the cashier did not mean: such a scan names the customer.
let read = "";

document.addEventListener(
  "keydown",
  (event) => {
    const scan = document.querySelector("form[data-scan]");
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Escape") {
      read = "";
      giveUp(event, scan);
    } else if (!scan || takesText(event.target)) {
      read = "";
    } else if (event.key === "Enter" && read.length >= SHORTEST_SCAN) {
      event.preventDefault();
      scan.elements.member.value = read;
      scan.requestSubmit();
    } else if (/^[0-9A-Za-z۰-۹٠-٩]$/.test(event.key)) {
      read += event.key;
    } else if (event.key !== "Shift") {
      read = "";
    }
  },
  true,
);

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
