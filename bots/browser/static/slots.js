// A guest's free pictures, also counted here. It stops a guest whose cookie got lost from being promised what is used
// up; a private window, another browser or cleared storage gets past it. The server decides, whatever stands here.
const NAME = "easel.slots";

export function areUsedUp(badge) {
  const { tone, visitor, left, until } = badge.dataset;
  if (tone !== "guest" && left === "") { write(null); return false; } // a member
  const before = read();
  if (before && before.visitor !== visitor && before.left < Number(left) && before.until > Date.now()) return before.left <= 0;
  write({ visitor, left: Number(left), until: Number(until) });
  return Number(left) <= 0;
}

function read() {
  try { return JSON.parse(localStorage.getItem(NAME)); } catch { return null; }
}

function write(slots) {
  try { if (slots) localStorage.setItem(NAME, JSON.stringify(slots)); else localStorage.removeItem(NAME); } catch { /* not kept */ }
}
