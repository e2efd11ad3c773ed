// The conversation: what was said, what was answered, and each generation in its one place.
const log = document.getElementById("log");
const announcer = document.getElementById("announcer");

export const fragment = (html) => {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
};

// Someone who has scrolled up to look at a picture stays there; at the end one stays at the end, whatever grows below.
let stays = true;
const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 160;
export const toEnd = () => log.scrollTo({ top: log.scrollHeight });

export function sayAs(text) {
  document.getElementById("welcome")?.remove();
  const mine = document.getElementById("said").content.cloneNode(true).firstElementChild;
  mine.firstElementChild.textContent = text;
  log.append(mine);
  toEnd();
  return mine;
}

// What was asked for stands at the end, also when it was there before; what is taller than the view begins at its top.
export function answer(html, isAsked = false) {
  document.getElementById("welcome")?.remove();
  const wasAtEnd = isAtEnd();
  const added = [...fragment(html).children].map(place);
  const last = [...log.children].slice(-added.length);
  if (isAsked && added.some((element, index) => element !== last[index])) log.append(...added);
  if (wasAtEnd || isAsked) toEnd();
  if (isAsked && added[0]?.offsetHeight > log.clientHeight) log.scrollTo({ top: added[0].offsetTop - 16 });
  return added;
}

// The server renders a generation whole; the same version again changes nothing, an older one neither.
function place(incoming) {
  const { generation, version } = incoming.dataset;
  const there = generation && log.querySelector(`[data-generation="${CSS.escape(generation)}"]`);
  if (!there) { log.append(incoming); if (generation) arrive(incoming, ""); return incoming; }
  const before = there.dataset.phase;
  if (there.dataset.version === version || micros(version) < micros(there.dataset.version)) return there;
  const hadFocus = there.contains(document.activeElement);
  // While it is being drawn the canvas stays, or its strokes would begin anew.
  const words = there.querySelector(".canvas") && before === incoming.dataset.phase && there.querySelector(".phase");
  if (words) words.replaceWith(incoming.querySelector(".phase"));
  else there.replaceChildren(...incoming.childNodes);
  Object.assign(there.dataset, incoming.dataset);
  there.lang = incoming.lang;
  if (hadFocus && !there.contains(document.activeElement)) there.focus({ preventScroll: true });
  arrive(there, before);
  return there;
}

const micros = (version) => Number(version.split("-")[0]);

function arrive(article, before) {
  if (article.dataset.phase === before) return;
  announcer.textContent = article.dataset.announce;
  article.classList.toggle("is-new", before !== "" && article.dataset.phase === "done");
}

log.addEventListener("scroll", () => { stays = isAtEnd(); });
new ResizeObserver(() => { if (stays && !document.getElementById("welcome")) toEnd(); }).observe(log);
