// One stream for all tabs of a browser: whoever holds the lock listens and tells the others; when it goes, another does.
const ALIVE = 10_000;
const SILENT = 40_000; // a frozen tab still holds the lock: one that is being looked at takes it away

export function follow(address, hear) {
  const name = `easel-${address.visitor}`; // whoever lost the cookie is somebody else, and has tabs of their own
  const tabs = new BroadcastChannel(name);
  let source = null;
  let heard = Date.now();
  let since = address.since;

  const tell = (kind, data) => { tabs.postMessage({ kind, data }); hear(kind, data); };

  function listen() {
    source?.close();
    source = new EventSource(`${address.path}?since=${since}`);
    source.onopen = () => tell("line", "open");
    source.onerror = () => {
      tell("line", navigator.onLine ? "reconnecting" : "offline");
      if (source.readyState === EventSource.CLOSED) setTimeout(() => source && listen(), ALIVE);
    };
    for (const kind of ["state", "generation", "badge"]) {
      source.addEventListener(kind, (event) => {
        since = event.lastEventId || since;
        tell(kind, JSON.parse(event.data));
      });
    }
    // Too many streams of this browser: a newer one took this place. Without locks that is another tab.
    source.addEventListener("taken", () => { source.close(); source = null; });
  }

  tabs.onmessage = ({ data: { kind, data } }) => {
    heard = Date.now();
    if (kind === "renew") { if (source) listen(); } else if (kind !== "alive") hear(kind, data);
  };
  setInterval(() => { if (source) tabs.postMessage({ kind: "alive" }); }, ALIVE);

  function lead(options) {
    navigator.locks.request(name, options, () => { listen(); return new Promise(() => {}); })
      .catch(() => { source?.close(); source = null; lead({}); }); // it was taken from us: stand in line again
  }
  setInterval(() => {
    if (navigator.locks && !source && !document.hidden && Date.now() - heard > SILENT) { heard = Date.now(); lead({ steal: true }); }
  }, ALIVE);
  addEventListener("online", () => { if (source) listen(); }); // the old connection may be dead without knowing it
  document.addEventListener("visibilitychange", () => {
    heard = Date.now();
    if (!navigator.locks && !source && !document.hidden) listen();
  });

  // Locks exist on https and localhost only; elsewhere each tab listens, and the server bounds them.
  if (navigator.locks) lead({}); else listen();

  // A visitor who was nobody until now has things to be told of: ask again, whoever listens.
  return { renew: () => { if (source) listen(); else tabs.postMessage({ kind: "renew" }); } };
}
