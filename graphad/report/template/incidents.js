// An incident is drawn when it is opened: its graph, what is pointed at, and the list of its events.

const drawn = new Map();
const SHOWN = 100; // events in the list before more are asked for

function told(held, event) {
  const [src, action, dst, ts, host, bits, terms, proof] = event;
  const [where, text] = evidence(held, proof);
  const detail = island("entities")[dst][2];
  return [
    el("h4", {}, `${named(src)} —${action}→ ${named(dst)}`),
    el("p", {}, `${moment(ts)} UTC on ${host}`),
    el("p", {}, `${rounded(bits, 2)} = ${sum(terms) || "0"}`),
    detail ? el("p", {}, `Command line: ${detail}`) : null,
    el("p", {}, where), el("div", { class: "raw" }, text),
  ].filter(Boolean);
}

function openIncident(details) {
  if (drawn.has(details)) return;
  const graph = island(details.dataset.graph);
  const panel = details.querySelector(".told");
  const list = details.querySelector(".events");
  const rows = new Map();
  let asked = 0;
  const tell = async (entity, events) => {
    const mine = (asked += 1);
    for (const [number, row] of rows) row.classList.toggle("chosen", events.includes(number));
    const held = await unpacked("evidence");
    if (mine !== asked) return; // something else was pointed at since
    panel.replaceChildren();
    if (entity >= 0) {
      const [type, key, detail] = island("entities")[entity];
      panel.append(el("h4", {}, type), el("p", {}, key), detail ? el("p", {}, `Command line: ${detail}`) : "");
    }
    for (const number of events.slice(0, 5)) panel.append(...told(held, graph.events[number]));
    if (events.length > 5) panel.append(el("p", {}, `and ${events.length - 5} more, in the list below`));
    if (entity < 0 && !events.length) panel.append("All of these are in the list below.");
  };
  const picture = drawGraph(details.querySelector(".graph"), graph, tell);
  drawn.set(details, picture);
  const many = new Set(graph.events.map((event) => event[4])).size > 1;
  const body = el("tbody");
  const add = (from, to) => graph.events.slice(from, to).forEach((event, i) => {
    const [src, action, dst, ts, host, bits, , , telling] = event;
    const number = from + i;
    const choose = () => picture.show(number) || tell(-1, [number]);
    const row = el("tr", { class: telling ? "telling" : "" },
      el("td", { class: "n" }, String(number + 1)), el("td", { class: "mark" }, telling ? "● rare" : ""),
      el("td", { class: "when" }, moment(ts)), many ? el("td", {}, host) : null,
      el("td", {}, el("button", { type: "button", on: { click: choose } }, `${named(src)} —${action}→ ${named(dst)}`)),
      el("td", { class: "n" }, rounded(bits, 2)));
    rows.set(number, row);
    body.append(row);
  });
  const heads = ["#", "", "time, UTC", ...(many ? ["host"] : []), "event", "bits"];
  list.append(el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", {}, text)))), body));
  add(0, SHOWN);
  if (graph.events.length > SHOWN) {
    const more = el("button", { type: "button", on: { click: () => (add(SHOWN), more.remove()) } },
      `Show ${graph.events.length - SHOWN} more events`);
    list.append(more);
  }
}

for (const details of document.querySelectorAll("details.incident")) {
  details.addEventListener("toggle", () => details.open && openIncident(details));
  if (details.open) openIncident(details);
}

function repaint() {
  for (const picture of drawn.values()) picture.repaint();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
function paper(on) {
  document.documentElement.classList.toggle("paper", on);
  for (const picture of drawn.values()) picture.print(on);
}
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));

/** Open what a link into this page names, also one inside something closed. */
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches("details.incident")) (target.open = true), target.scrollIntoView();
}
addEventListener("hashchange", follow);
follow();
