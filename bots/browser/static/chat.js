// The chat page: ties the composer, the buttons and the stream to the conversation.
import { close, suggest } from "./composer.js";
import { enlarge, openModals } from "./dialogs.js";
import { answer, fragment, sayAs, toEnd } from "./log.js";
import { newKey, say } from "./say.js";
import { areUsedUp } from "./slots.js";
import { follow } from "./stream.js";

const words = JSON.parse(document.body.dataset.words);
const [line, send, lock, badge, lineState] = ["line", "send", "lock", "badge", "line-state"].map((id) => document.getElementById(id));
const keptLock = document.getElementById("kept-lock").innerHTML;
let isKnown = document.body.dataset.known === "true"; // whether the stream knows whose things to tell of
const { since, visitor } = document.body.dataset;
const stream = follow({ path: "/events", since, visitor }, (kind, data) => hear[kind]?.(data));

const hear = {
  line: (state) => { lineState.textContent = words[state] ?? ""; },
  badge: showBadge,
  generation: ({ html }) => answer(html),
  state: (state) => { isKnown = state.known; showBadge(state); state.generations.forEach(({ html }) => answer(html)); },
};

function showBadge({ badge: html, lock: closed }) {
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

async function ask(asked, { mine = null, key = newKey() } = {}) {
  const got = await say(asked, key);
  mine?.classList.remove("is-waiting");
  if (got.status === 200) return take(got);
  const again = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: words.retry });
  again.addEventListener("click", () => { holder.remove(); ask(asked, { mine: mine ? sayAs(asked.line) : null, key }); });
  const holder = mine ?? sayAs("");
  holder.classList.add("is-lost");
  holder.firstElementChild.append(` — ${got.status === 401 ? words.renew : words.lost}`);
  if (got.status !== 401) holder.append(again);
  return toEnd();
}

function take(got) {
  openModals(answer(got.html, true));
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
  button.closest("dialog")?.close();
  if (!command) return button.closest("[data-answer]")?.remove();
  button.setAttribute("aria-busy", "true");
  await ask({ command, options: JSON.parse(options || "{}") });
  return button.removeAttribute("aria-busy");
});

addEventListener("offline", () => hear.line("offline"));
if (!lock.hidden) lock.dataset.html = lock.innerHTML;
shut(lock.dataset.html ?? "", areUsedUp(badge.querySelector("[data-badge]")));
if (line.value) suggest();
