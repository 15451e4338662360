// What a browser with script adds to the till. Without it every page works the same.
"use strict";

const SEPARATOR = document.documentElement.lang === "fa" ? "٬" : ",";
const PATIENCE_MS = 15000;

// Amounts are grouped as they are typed, in the digits that they are typed in.
for (const field of document.querySelectorAll("input[data-grouped]")) {
  field.addEventListener("input", () => {
    const digits = field.value.replace(/[^0-9۰-۹٠-٩]/g, "");
    const ending = field.value.length - field.selectionEnd;
    field.value = digits.replace(/(.)(?=(...)+$)/g, "$1" + SEPARATOR);
    const place = Math.max(0, field.value.length - ending);
    field.setSelectionRange(place, place);
  });
}

// A form that is taken once is sent in the background. Where no answer comes, the page stays, says
// so, and offers the same form again: the server knows it by its key and never books it twice.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
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
    // What was done has a page of its own. A refusal did nothing: the browser sends the form
    // itself and shows what is wrong with it.
    if (address) window.location.assign(address);
    else form.submit();
  } catch {
    noAnswer(form);
  } finally {
    delete form.dataset.sending;
    button.removeAttribute("aria-busy");
  }
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
