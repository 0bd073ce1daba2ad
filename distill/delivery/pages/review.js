// What the pages of doubtful lines and of pages have in common: elements, texts, what the browser keeps, saving.
"use strict";

function make(tag, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

function percent(p) {
  return p > 0.995 && p < 1 ? ">99 %" : p < 0.005 ? "<1 %" : Math.round(100 * p) + " %";
}

// a text as a label holds it
function clean(text) {
  return text.replace(/[\t\r\n\0]+/g, " ").normalize("NFC");
}

// which characters of a text the model cannot write, as a note; charset null: it is not known
function unknownNote(text, charset) {
  const unknown = charset ? [...new Set(text.normalize("NFC"))].filter(c => !charset.has(c)) : [];
  return unknown.length ? `not in the model's charset: ${unknown.join(" ")}` : "";
}

// what was done until now, as this browser has kept it
function keptState(name) {
  try { return JSON.parse(localStorage.getItem(name)) || {}; } catch { return {}; }
}

// keep what was done; where a browser keeps nothing, or no more, say so once and ask before the page is left
function keepState(name, state) {
  let kept = true;
  try { localStorage.setItem(name, JSON.stringify(state)); } catch { kept = false; }
  window.onbeforeunload = kept ? null : event => event.preventDefault();
  document.getElementById("unkept").hidden = kept;
}

function download(name, parts, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob(parts, { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function onSaveKey(save) {
  addEventListener("keydown", event => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      save();
    }
  });
}

// characters that were read, the less sure the redder; `point(left, right)` shows where one stands, `point()` hides that
function characterRow(characters, point) {
  const row = make("div", { className: "read", dir: "auto" });
  if (!characters.length) row.append(make("span", { className: "nothing", textContent: "nothing was read" }));
  const least = Math.min(...characters.map(([, p]) => p));
  for (const [text, p, left, right] of characters) {
    const span = make("span", { textContent: text, title: percent(p), className: p === least && p < 0.9 ? "low" : "" });
    span.style.setProperty("--d", (1 - p).toFixed(3));
    span.onpointerenter = () => point(left, right);
    span.onpointerleave = () => point();
    row.append(span);
  }
  return row;
}
