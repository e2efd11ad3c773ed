// The chat page: ties the composer, the buttons and the stream to the conversation.
import { close, suggest } from "./composer.js";
import { enlarge, openModals } from "./dialogs.js";
import { returned, speak } from "./language.js";
import { answer, fragment, sayAs, toEnd } from "./log.js";
import { newKey, say } from "./say.js";
import { areUsedUp } from "./slots.js";
import { follow } from "./stream.js";

const words = JSON.parse(document.body.dataset.words);
const [line, send, lock, badge, lineState] = ["line", "send", "lock", "badge", "line-state"].map((id) => document.getElementById(id));
const keptLock = document.getElementById("kept-lock").innerHTML;
let asking = 0; // what is on its way tells the language itself, with its answer
let isKnown = document.body.dataset.known === "true"; // whether the stream knows whose things to tell of
const { since, visitor } = document.body.dataset;
const stream = follow({ path: "/events", since, visitor }, (kind, data) => hear[kind]?.(data));

const hear = {
  line: (state) => { lineState.textContent = words[state] ?? ""; },
  badge: showBadge,
  generation: ({ html }) => answer(html),
  state: (state) => { isKnown = state.known; showBadge(state); state.generations.forEach(({ html }) => answer(html)); },
};

function showBadge({ badge: html, lock: closed, language }) {
  if (!asking && speak(language)) return;
  const hadFocus = badge.contains(document.activeElement);
  badge.replaceChildren(fragment(html));
  if (hadFocus) badge.firstElementChild.focus();
  shut(closed, areUsedUp(badge.querySelector("[data-badge]")));
}

// The server's reason, or ours: it says a guest has nothing left, or our own count does.
function shut(reason, isUsedUp) {
  const html = reason || (isUsedUp ? keptLock : "");
  if (lock.dataset.html !== html) lock.replaceChildren(fragment(html));
  lock.dataset.html = html;
  lock.hidden = !html;
  line.disabled = Boolean(html);
  send.disabled = Boolean(html);
}

async function ask(asked, { mine = null, note = null, key = newKey() } = {}) {
  asking += 1;
  const got = await say(asked, key);
  asking -= 1;
  mine?.classList.remove("is-waiting");
  if (got.status === 200) return take(got, note);
  const again = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: words.retry });
  again.addEventListener("click", () => { holder.remove(); ask(asked, { mine: mine ? sayAs(asked.line) : null, note, key }); });
  const holder = mine ?? sayAs("");
  holder.classList.add("is-lost");
  holder.firstElementChild.append(` — ${got.status === 401 ? words.renew : words.lost}`);
  if (got.status !== 401) holder.append(again);
  return toEnd();
}

// The note of a request that was made again goes: its answer stands for it.
function take(got, note) {
  if (speak(got.language, { command: "settings" })) return;
  const added = answer(got.html, true);
  const hadFocus = note?.contains(document.activeElement);
  note?.remove();
  if (hadFocus) added[0]?.focus({ preventScroll: true });
  openModals(added);
  showBadge(got);
  if (got.known && !isKnown) stream.renew();
}

document.getElementById("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = line.value.trim();
  if (!text || line.disabled) return;
  line.value = "";
  close();
  ask({ line: text }, { mine: sayAs(text) });
});

document.getElementById("feedback-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const box = event.target.elements.text;
  document.getElementById("feedback").close();
  ask({ command: "feedback", options: { text: box.value } });
  box.value = "";
});

document.addEventListener("click", async (event) => {
  const frame = event.target.closest("[data-view]");
  if (frame) return enlarge(frame);
  const button = event.target.closest("[data-command]");
  if (!button || button.getAttribute("aria-disabled") === "true" || button.getAttribute("aria-busy") === "true") return undefined;
  const { command, options } = button.dataset;
  const dialog = button.closest("dialog");
  const note = dialog ? dialog.note : button.closest(".note[data-answer]");
  // What is left of a refusal stays as the way back, unless this is that way, in whatever form, or there is none.
  const again = note?.querySelector("[data-command]");
  const isSettled = !again || again.dataset.command === command;
  dialog?.close();
  if (!command) return button.closest("[data-answer]")?.remove();
  button.setAttribute("aria-busy", "true");
  await ask({ command, options: JSON.parse(options || "{}") }, { note: isSettled ? note : null });
  return button.removeAttribute("aria-busy");
});

addEventListener("offline", () => hear.line("offline"));
if (!lock.hidden) lock.dataset.html = lock.innerHTML;
shut(lock.dataset.html ?? "", areUsedUp(badge.querySelector("[data-badge]")));
const left = returned();
if (left) ask(left);
if (line.value) suggest();
