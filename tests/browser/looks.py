"""What a page owes to whoever reads it on a narrow phone, measured in the browser.

Everything is asked at once, wherever pages are looked at already: numbers that break over lines,
buttons that touch, targets too small for a thumb, words that are cut. Overflow and axe pass all of
these: a "no" that touched "yes" stood on the page where a shop asks for points.
"""

from __future__ import annotations

from playwright.sync_api import Page

NARROW = 360
"""The narrowest phones that are still sold, in CSS pixels."""

_FAULTS = r"""
() => {
  const shown = element => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && element.checkVisibility({visibilityProperty: true})
      && getComputedStyle(element).clipPath === "none";
  };
  const told = element => `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} `
    + `«${(element.innerText || element.value || element.name || "").trim().slice(0, 40)}»`;
  const faults = [];

  // A button a thumb can hit, apart from the next one. Links within a sentence are let be.
  const buttons = [...document.querySelectorAll("button, .button, .chips a, .sections a, .tabs a")]
    .filter(shown);
  for (const each of buttons) {
    const box = each.getBoundingClientRect();
    if (box.height < 43.5 && !each.matches(".toggle")) {
      faults.push(`low (${Math.round(box.height)}): ${told(each)}`);
    }
  }
  const pressed = buttons.filter(each => each.matches("button, .button"));
  pressed.forEach((first, index) => {
    const one = first.getBoundingClientRect();
    for (const second of pressed.slice(index + 1)) {
      const two = second.getBoundingClientRect();
      const across = Math.max(one.left, two.left) - Math.min(one.right, two.right);
      const down = Math.max(one.top, two.top) - Math.min(one.bottom, two.bottom);
      if (Math.max(across, down) > -1 && Math.max(across, down) < 5) {
        faults.push(`touch: ${told(first)} and ${told(second)}`);
      }
    }
  });

  // A number that goes on in the next line is read as another one. Digits beside letters are
  // part of an identifier, such as a key's, which nobody reads as an amount.
  const number =
    /(?<![0-9A-Za-z_۰-۹])[0-9۰-۹][0-9۰-۹٬,٫.]*[0-9۰-۹](?![0-9A-Za-z_۰-۹])/g;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const around = node.parentElement;
    if (!around || around.closest("script, style, code, pre, .code, .hash, .raw, .reference")) {
      continue;
    }
    for (const found of node.data.matchAll(number)) {
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const lines = new Set([...range.getClientRects()].filter(box => box.width > 0)
        .map(box => Math.round(box.top)));
      if (lines.size > 1 && shown(around)) {
        faults.push(`broken number: ${found[0]} in ${told(around)}`);
      }
    }
  }

  // Words that do not fit are cut without a sign of it.
  const words = "caption > span, h1, h2, h3, button, .button, .badge";
  for (const each of document.querySelectorAll(words)) {
    const frame = each.closest(".table") ?? document.documentElement;
    if (shown(each) && each.getBoundingClientRect().width > frame.clientWidth + 1) {
      faults.push(`cut: ${told(each)}`);
    }
  }
  return faults;
}
"""


def faults_at_a_glance(page: Page) -> list[str]:
    """Return what a thumb or an eye stumbles over on a page as it stands at this width."""
    return [f"{page.url}: {fault}" for fault in page.evaluate(_FAULTS)]
