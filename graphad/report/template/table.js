// The table of findings: sorted, filtered, a page at a time; a row opens to its events and log lines.

const [ID, DETECTOR, SEVERITY, ALERT, Z, SCORE, P, START, HOST, TITLE, INCIDENT, COUNT, MARKS, ENTITIES] =
  Array(14).keys();
const LEVELS = ["", "informational", "low", "medium", "high", "critical"];
const COLUMNS = [ // heading, width in %, value to sort by, text to show
  ["Severity", 9, (row) => LEVELS.indexOf(row[SEVERITY]), (row) => (row[SEVERITY] || "ranked") + (row[ALERT] ? " ▲" : "")],
  ["Detector", 7, (row) => row[DETECTOR], (row) => row[DETECTOR]],
  ["z", 6, (row) => row[Z], (row) => rounded(row[Z], 2)],
  ["Score", 9, (row) => row[Z], (row) => row[SCORE]],
  ["When, UTC", 12, (row) => row[START], (row) => moment(row[START]).slice(0, 19)],
  ["Host", 12, (row) => row[HOST], (row) => row[HOST]],
  ["Finding", 30, (row) => row[TITLE], null],
  ["Incident", 15, (row) => row[INCIDENT], null],
];
const all = island("data").rows;
const known = new Set(island("data").incidents);
const form = document.querySelector(".filters");
const table = document.querySelector("table.findings");
let texts = null; // what a filter's words are looked for in, by row: made when first needed
let chosen = all.map((_, i) => i);
let sorted = null; // [column, 1 or -1]; best first, as the report has them, if none
let start = 0;

/** Return a title that fits two lines, its end kept: it says what was odd. */
function middle(text, most = 70) {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, 20).join("")}…${letters.slice(21 - most).join("")}`;
}

function textOf(i) {
  texts ??= [];
  return (texts[i] ??= [all[i][ID], all[i][HOST], all[i][TITLE], all[i][INCIDENT], ...all[i][MARKS],
    ...all[i][ENTITIES].flatMap((place) => island("entities")[place])].join("\n").toLowerCase());
}

function filter() {
  const value = (name) => form.elements[name].value.trim();
  const words = value("text").toLowerCase().split(/\s+/).filter(Boolean);
  const [severity, detector, host] = ["severity", "detector", "host"].map(value);
  const [from, until] = ["from", "until"].map((name) => value(name).replace("T", " ").replace(/Z$/, ""));
  const seen = new Set();
  const once = (incident) => !seen.has(incident) && seen.add(incident);
  chosen = [...all.keys()].filter((i) => {
    const row = all[i];
    const time = moment(row[START]);
    return (!severity || row[SEVERITY] === severity) && (!detector || row[DETECTOR] === detector) &&
      (!host || row[HOST] === host) && (!from || time >= from) && (!until || time < until) &&
      (!form.elements.alert.checked || row[ALERT]) && words.every((word) => textOf(i).includes(word)) &&
      (!form.elements.first.checked || once(row[INCIDENT]));
  });
  start = 0;
  sort();
}

function sort() {
  if (sorted) {
    const [column, sign] = sorted;
    const key = COLUMNS[column][2];
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    chosen.sort((a, b) => sign * compare(key(all[a]), key(all[b])) || a - b);
  } else chosen.sort((a, b) => a - b);
  show();
}

async function eventRows(i) {
  const [edges, terms, odd, end, model] = (await unpacked("details"))[i];
  const held = await unpacked("evidence");
  const row = all[i];
  const facts = [row[ID], `until ${moment(end)} UTC`, `model ${model}`];
  if (row[P] !== null) facts.push(`p ${row[P]}`);
  if (row[COUNT] > 1) facts.push(`${row[COUNT]} times`);
  const body = el("tbody");
  edges.forEach(([src, action, dst, ts, host, bits, parts, proof], n) => {
    const [where, text] = evidence(held, proof);
    const detail = island("entities")[dst][2];
    body.append(
      el("tr", {}, el("td", { class: "n" }, String(n + 1)), el("td", {}, moment(ts)), el("td", {}, host),
        el("td", {}, `${named(src)} —${action}→ ${named(dst)}`, detail ? el("div", { class: "raw" }, detail) : ""),
        el("td", { class: "n" }, rounded(bits, 2)), el("td", {}, sum(parts))),
      el("tr", {}, el("td"), el("td", { colSpan: 5 }, el("b", {}, where), el("div", { class: "raw" }, text))));
  });
  const heads = ["#", "time, UTC", "host", "event, command line", row[DETECTOR] === "window" ? "weight" : "bits", "terms"];
  return el("td", { colSpan: COLUMNS.length }, el("p", {}, facts.join(" · ")),
    el("p", {}, `${row[SCORE]} = ${sum(terms)}`), odd ? el("p", {}, odd) : "",
    ...row[MARKS].map((mark) => el("p", {}, `Marked ${mark}`)),
    el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", {}, text)))), body));
}

function rowOf(i) {
  const row = all[i];
  const made = el("tr", { class: row[ALERT] ? "alert" : "" });
  const open = el("button", { type: "button", ariaExpanded: "false", class: "one", title: row[TITLE], on: { click: () => {
    const shut = open.ariaExpanded === "true";
    open.ariaExpanded = String(!shut);
    if (shut) made.nextSibling.remove();
    else {
      const more = el("tr", { class: "more" });
      made.after(more);
      eventRows(i).then((cell) => more.append(cell));
    }
  } } }, middle(row[TITLE]));
  for (const [heading, , , text] of COLUMNS) {
    let cell = text ? text(row) : open;
    if (heading === "Incident") {
      cell = known.has(row[INCIDENT]) ? el("a", { href: `#${row[INCIDENT]}`, on: { click: () => setTimeout(follow) } }, row[INCIDENT]) : row[INCIDENT];
    }
    made.append(el("td", { class: heading === "z" || heading === "Score" ? "n" : "" }, cell));
  }
  return made;
}

function show() {
  const size = Number(form.elements.size.value);
  const rows = chosen.slice(start, start + size);
  table.tBodies[0].replaceChildren(...rows.map(rowOf));
  table.querySelectorAll("th").forEach((head, column) => {
    head.ariaSort = sorted && sorted[0] === column ? (sorted[1] > 0 ? "ascending" : "descending") : "none";
    const arrow = head.ariaSort === "none" ? "" : sorted[1] > 0 ? " ↑" : " ↓";
    head.firstChild.textContent = COLUMNS[column][0] + arrow;
  });
  const count = chosen.length.toLocaleString("en");
  document.querySelector("p.count").textContent = chosen.length === all.length
    ? `${count} findings` : `${count} of ${all.length.toLocaleString("en")} findings`;
  const pages = document.querySelector(".pages");
  pages.hidden = chosen.length <= size;
  pages.querySelector("span").textContent = `${start + 1} to ${start + rows.length}`;
  pages.querySelector("[data-step='-1']").disabled = start === 0;
  pages.querySelector("[data-step='1']").disabled = start + size >= chosen.length;
}

table.tHead.rows[0].append(...COLUMNS.map(([heading, width], column) =>
  el("th", { scope: "col", width: `${width}%` }, el("button", { type: "button", on: { click: () => {
    const first = column === 0 || column === 2 || column === 3 ? -1 : 1; // numbers begin with the largest
    if (!sorted || sorted[0] !== column) sorted = [column, first];
    else sorted = sorted[1] === first ? [column, -first] : null;
    sort();
  } } }, heading))));
form.addEventListener("input", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());
document.querySelector(".pages").addEventListener("click", (event) => {
  if (event.target.dataset.step) (start += Number(event.target.dataset.step) * Number(form.elements.size.value)), show();
});

/** Show the findings that have all of the given values in the filters, and go there. */
function only(values) {
  form.reset();
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  filter();
  document.getElementById("findings").scrollIntoView();
}
document.addEventListener("click", (event) => {
  const { host, from, until, only: text } = event.target.dataset || {};
  if (from !== undefined && host !== undefined) only({ host, from, until });
  if (text !== undefined) event.preventDefault(), only({ text });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, select, textarea")) {
    event.preventDefault();
    form.elements.text.focus();
  }
});
filter();
