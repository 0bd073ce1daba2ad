// Shows pages that were read: lines over the picture, texts in reading order, and both to take away.

const SVG = "http://www.w3.org/2000/svg";
const hue = (confidence) => `hsl(${Math.round(120 * Math.max(0, Math.min(1, (confidence - 0.4) / 0.6)))} 70% 42%)`;
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function made(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

// `at` finds elements of the page by their names. A picture is { blob, name, page, note }.
export class Shown {
  constructor(at) {
    Object.assign(this, { at, pictures: [], addresses: [] });
    at("copy").addEventListener("click", () => this.copy());
  }

  add(picture) {
    this.pictures.push(picture);
    const choose = made("button", { type: "button", textContent: picture.name, title: picture.name });
    choose.addEventListener("click", () => this.show(picture));
    this.at("names").append(choose);
    this.at("names").hidden = this.pictures.length < 2;
    this.show(picture);
  }

  show(picture) {
    const { at } = this;
    const { page, name, note } = picture;
    this.page = page;
    this.addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
    const addressOf = (blob) => {
      this.addresses.push(URL.createObjectURL(blob));
      return this.addresses.at(-1);
    };
    [...at("names").children].forEach((button, i) => button.setAttribute("aria-pressed", this.pictures[i] === picture));
    at("picture").src = addressOf(picture.blob);
    const stem = name.replace(/\.[^.]*$/, "");
    const files = { "as-text": ["text/plain", "txt", page.text], "as-json": ["application/json", "json", JSON.stringify(page, null, 1)] };
    for (const [id, [type, suffix, content]] of Object.entries(files)) {
      at(id).href = addressOf(new Blob([content, "\n"], { type: `${type};charset=utf-8` }));
      at(id).download = `${stem}.${suffix}`;
    }
    at("copy").textContent = "Copy the text";
    const n = page.lines.length;
    const counted = n ? `${n} ${n === 1 ? "line" : "lines"} in reading order.` : "No text was found on this picture.";
    at("note").textContent = [counted, note].filter(Boolean).join(" ");
    this.draw(page);
    at("seen").hidden = false;
  }

  draw({ width, height, lines }) {
    const over = document.createElementNS(SVG, "svg");
    over.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const shapes = lines.map((line) => {
      const shape = document.createElementNS(SVG, "polygon");
      shape.setAttribute("points", line.polygon.map((point) => point.join(",")).join(" "));
      shape.setAttribute("stroke", hue(line.confidence));
      over.append(shape);
      return shape;
    });
    const rows = lines.map((line) => {
      const row = made("li", { title: line.problem ?? `${percent(line.confidence)} confidence, ${percent(line.found)} a line` });
      const text = made("span", { textContent: line.problem ? `(${line.problem})` : line.text || " ", dir: "auto" });
      text.style.borderColor = hue(line.confidence);
      row.append(text);
      return row;
    });
    lines.forEach((_, i) => {
      for (const one of [shapes[i], rows[i]]) {
        one.addEventListener("pointerenter", () => this.mark(shapes, rows, i));
        one.addEventListener("click", () => {
          this.mark(shapes, rows, i);
          (one === shapes[i] ? rows[i] : shapes[i]).scrollIntoView({ block: "nearest", behavior: "smooth" });
        });
      }
    });
    this.at("frame").querySelector("svg")?.remove();
    this.at("frame").append(over);
    this.at("lines").replaceChildren(...rows);
  }

  mark(shapes, rows, chosen) {
    [shapes, rows].forEach((all) => all.forEach((one, i) => one.classList.toggle("on", i === chosen)));
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.page.text);
      this.at("copy").textContent = "Copied";
    } catch {
      const range = document.createRange(); // where a page may not write to the clipboard, the text is marked to be copied
      range.selectNodeContents(this.at("lines"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      this.at("copy").textContent = "Marked: press Ctrl+C";
    }
  }
}
