// The message box with completion: commands, their options and values, as the server lists them with their prices.
const form = document.getElementById("composer");
const line = document.getElementById("line");
const list = document.getElementById("choices");
const commands = JSON.parse(form.dataset.choices);
let active = -1;

// What fits the word before the caret: [{value, text}], and where that word begins.
function offers() {
  const before = line.value.slice(0, line.selectionStart);
  const word = before.match(/\S*$/)[0];
  const start = before.length - word.length;
  if (start === 0) return { start, fits: word.startsWith("/") ? matching(commands, word) : [] };
  const command = commands.find(({ value }) => before.startsWith(`${value} `));
  const option = command?.options.find(({ value }) => before.slice(0, start).trimEnd().endsWith(` ${value}`));
  if (option) return { start, fits: matching(option.choices, word) };
  const unused = (command?.options ?? []).filter(({ value }) => !before.slice(0, start).includes(` ${value} `));
  return { start, fits: word.startsWith("-") ? matching(unused, word) : [] };
}

function matching(choices, word) {
  const fits = choices.filter(({ value }) => value.startsWith(word.toLowerCase()));
  return fits.length === 1 && fits[0].value === word ? [] : fits;
}

export function suggest() {
  const { fits } = offers();
  list.replaceChildren(...fits.map(({ value, text }, index) => {
    const item = document.createElement("li");
    Object.assign(item, { id: `choice-${index}`, role: "option" });
    item.append(Object.assign(document.createElement("b"), { textContent: value }));
    item.append(Object.assign(document.createElement("span"), { textContent: text }));
    return item;
  }));
  list.hidden = fits.length === 0;
  line.setAttribute("aria-expanded", String(!list.hidden));
  mark(fits.length && !line.value.includes(" ") ? 0 : -1);
}

function mark(index) {
  active = index;
  [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
  if (index < 0) return line.removeAttribute("aria-activedescendant");
  line.setAttribute("aria-activedescendant", `choice-${index}`);
  list.children[index].scrollIntoView({ block: "nearest" });
}

function take(index) {
  const { start, fits } = offers();
  const after = line.value.slice(line.selectionStart).trimStart();
  line.value = `${line.value.slice(0, start)}${fits[index].value} ${after}`;
  const caret = start + fits[index].value.length + 1;
  line.setSelectionRange(caret, caret);
  line.focus();
  suggest();
}

export function close() {
  list.hidden = true;
  line.setAttribute("aria-expanded", "false");
  mark(-1);
}

line.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const many = list.children.length;
  const isOpen = !list.hidden;
  const taken = () => {
    if (isOpen && event.key === "ArrowDown") return mark((active + 1) % many) ?? true;
    if (isOpen && event.key === "ArrowUp") return mark((active <= 0 ? many : active) - 1) ?? true;
    if (isOpen && event.key === "Escape") return close() ?? true;
    if (isOpen && event.key === "Tab" && !event.shiftKey) return take(Math.max(active, 0)) ?? true;
    if (isOpen && event.key === "Enter" && active >= 0) return take(active) ?? true;
    if (event.key === "Enter" && !event.shiftKey) return form.requestSubmit() ?? true;
    return false;
  };
  if (taken()) event.preventDefault();
});
line.addEventListener("input", suggest);
line.addEventListener("blur", () => setTimeout(close, 150));
list.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  const item = event.target.closest("li");
  if (item) take([...list.children].indexOf(item));
});
