// Sends one thing to the server. A press has one key: however often the network makes us repeat it, it counts once.
const WAITS = [1000, 3000, 8000];

// randomUUID is there on https and localhost only.
export const newKey = () => crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");

export async function say(asked, key = newKey()) {
  for (let turn = 0; ; turn += 1) {
    try {
      const response = await fetch("/say", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...asked, key }),
      });
      if (response.ok || response.status === 401) return { status: response.status, ...(await response.json()) };
      if (turn >= WAITS.length || response.status < 500) return { status: response.status };
    } catch {
      if (turn >= WAITS.length) return { status: 0 };
    }
    await new Promise((resume) => setTimeout(resume, WAITS[turn]));
  }
}
