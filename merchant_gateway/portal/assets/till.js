// What a browser with script adds to the till. Without it every page works the same.
"use strict";

// Amounts are grouped as they are typed, in the digits that they are typed in.
const SEPARATOR = document.documentElement.lang === "fa" ? "٬" : ",";
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
const PATIENCE_MS = 15000;
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, event.submitter);
  });
}

async function send(form, button) {
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  if (button) button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const page = await answer.text();
    show(page, answer.url, answer.redirected);
  } catch {
    noAnswer(form);
  } finally {
    delete form.dataset.sending;
    if (button) button.removeAttribute("aria-busy");
  }
}

// A page that the server has led to is opened as itself; one that answered the form takes its place.
function show(page, address, redirected) {
  if (redirected) {
    window.location.assign(address);
    return;
  }
  document.open();
  document.write(page);
  document.close();
}

function noAnswer(form) {
  const told = document.getElementById("no-answer");
  if (!told) return;
  told.hidden = false;
  const button = told.querySelector("button");
  button.onclick = () => {
    told.hidden = true;
    form.requestSubmit();
  };
  button.focus();
}
