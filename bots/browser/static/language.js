// When the language has changed, here or in another tab, the page comes anew in it; what was being typed stays.
const NAME = "easel.anew";
const line = document.getElementById("line");
const page = document.documentElement.lang;

// Whether the page goes; what was asked last is shown again once it is back.
export function speak(language, asked = null) {
  if (!language || language === page || read()?.language === language) return false;
  if (!write({ language, asked, line: line.value })) return false;
  location.reload();
  return true;
}

// What the page was left with. Should it still be in another language than its answers, once was enough.
export function returned() {
  const kept = read();
  if (kept?.line) line.value = kept.line;
  write(kept && kept.language !== page ? { language: kept.language } : null);
  return kept?.asked ?? null;
}

function read() {
  try { return JSON.parse(sessionStorage.getItem(NAME)); } catch { return null; }
}

function write(kept) {
  try { if (kept) sessionStorage.setItem(NAME, JSON.stringify(kept)); else sessionStorage.removeItem(NAME); } catch { return false; }
  return true;
}
