// Modals: the cards of refusals, feedback, the large view. The browser keeps the focus inside and gives it back.
const viewer = document.getElementById("viewer");

export function openModals(elements) {
  for (const note of elements) for (const modal of note.querySelectorAll("dialog[data-modal]")) {
    modal.note = note; // the line it leaves behind
    document.body.append(modal);
    modal.addEventListener("close", () => modal.remove());
    modal.showModal();
    modal.querySelector("h2[tabindex]")?.focus();
  }
}

export function enlarge(frame) {
  const image = viewer.querySelector("img");
  const small = frame.querySelector("img");
  // The small picture stands in, at the size of the large one, until that has come.
  Object.assign(image, { src: small.currentSrc || small.src, alt: small.alt, width: small.width, height: small.height });
  image.width = small.getAttribute("width");
  image.height = small.getAttribute("height");
  const large = new Image();
  large.addEventListener("load", () => { image.src = large.src; });
  large.src = frame.dataset.view;
  viewer.querySelector("figcaption").textContent = frame.dataset.title;
  viewer.showModal();
}

document.addEventListener("click", (event) => {
  const dialog = event.target.closest("dialog");
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open)?.showModal();
  if (event.target.closest("[data-close]") || event.target === dialog) dialog?.close();
});
