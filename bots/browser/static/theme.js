// Light or dark: the system's choice until a press says otherwise. Runs before the first paint, so that nothing flashes.
const kept = (() => { try { return localStorage.getItem("easel.theme"); } catch { return null; } })();
if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const now = document.documentElement.dataset.theme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try { localStorage.setItem("easel.theme", next); } catch { /* a private window: it holds for this page */ }
});
