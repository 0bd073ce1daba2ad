// Keys and buttons of the acts in page_gestures.js, and the page as it opens.
"use strict";
const KEYS = {
  "Enter": () => decide("done"),
  "Shift Enter": () => decide("ignored"),
  "Ctrl Enter": finish,
  "Escape": () => (tool ? useTool(tool) : restore()),
  "ArrowDown": () => go(1),
  "ArrowUp": () => go(-1),
  "Alt ArrowUp": () => reorder(-1),
  "Alt ArrowDown": () => reorder(1),
  "Alt N": () => useTool("draw"),
  "Alt S": splitAtCursor,
  "Alt J": () => joinWith(here + 1),
  "Alt Delete": removeLine,
  "Alt Backspace": removeLine,
  "Alt Shift ArrowLeft": () => nudge(-1, 0),
  "Alt Shift ArrowRight": () => nudge(1, 0),
  "Alt Shift ArrowUp": () => nudge(0, -1),
  "Alt Shift ArrowDown": () => nudge(0, 1),
  "Ctrl z": undo,
  "PageUp": () => showPage(at - 1),
  "PageDown": () => showPage(at + 1),
};

addEventListener("keydown", event => {
  if (event.isComposing || event.target.tagName === "SELECT") return;
  if (event.key === "Enter" && event.target.tagName !== "INPUT" && !event.ctrlKey) return; // a button is pressed by it
  const held = [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", event.shiftKey ? "Shift" : ""];
  const letter = event.altKey && /^Key([A-Z])$/.exec(event.code)?.[1];
  const act = KEYS[[...held.filter(Boolean), letter || event.key].join(" ")];
  if (!act) return;
  event.preventDefault();
  act();
});

// buttons

for (const name of TOOLS) ui[name].onclick = () => useTool(name);
ui.delete.onclick = removeLine;
ui.undo.onclick = undo;
ui.free.onclick = () => toggle(ui.free);
ui.ways.onclick = () => toggle(ui.ways);
ui.in.onclick = () => setZoom(zoom * 1.4);
ui.out.onclick = () => setZoom(zoom / 1.4);
ui.fit.onclick = () => setZoom(Math.abs(zoom - fitted(true)) < 0.01 ? fitted(false) : fitted(true));
ui.text.oninput = type;
ui.accept.onclick = () => decide("done");
ui.ignore.onclick = () => decide("ignored");
ui.restore.onclick = restore;
ui.earlier.onclick = () => reorder(-1);
ui.later.onclick = () => reorder(1);
ui.finish.onclick = finish;
ui.before.onclick = () => showPage(at - 1);
ui.after.onclick = () => showPage(at + 1);
ui.pages.onchange = () => showPage(Number(ui.pages.value));
ui.sorted.onchange = render;
ui.open.onclick = () => ui.file.click();
ui.file.onchange = async () => {
  if (ui.file.files.length) await openFile(ui.file.files[0]);
  ui.file.value = "";
};
ui.save.onclick = save;
ui.picture.onload = () => drawCrop();
onSaveKey(save);

function fitHeader() {
  document.documentElement.style.setProperty("--header", document.querySelector("header").offsetHeight + "px");
  drawLines();
}

ui.pages.append(...data.pages.map((_, value) => make("option", { value })));
new ResizeObserver(fitHeader).observe(document.querySelector("header"));
addEventListener("resize", fitHeader);
ui.foot.textContent = `Save as ${data.target}: those pages are then a source for training. Of pages that are not right yet it has no ` +
  "lines, but a draft, which Open takes up. What you have done is kept in this browser, too." +
  (data.left_out ? ` ${data.left_out} more pages are not on this page.` : "");
useTool(null);
showPage(Math.max(0, pages.findIndex(page => !page.done)));
if (lineHere()) select(here);
if (unusable.length) ui.message.textContent = `Drafts in ${data.target} that cannot be used: ${unusable.join("; ")}`;
