// Small things that all parts use. Text from logs reaches the page by textContent alone.

const parsed = new Map();

/** Return the data of a block, parsed when it is first asked for. */
function island(id) {
  if (!parsed.has(id)) parsed.set(id, JSON.parse(document.getElementById(id).textContent));
  return parsed.get(id);
}

/** Return the data of a packed block, unpacked when it is first asked for. */
async function unpacked(id) {
  if (!parsed.has(id)) {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    parsed.set(id, new Response(stream).json());
  }
  return parsed.get(id);
}

/** Return an element with properties and children, which are nodes or text. */
function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = value;
    else if (name === "on") for (const [kind, does] of Object.entries(value)) made.addEventListener(kind, does);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** Return a colour or other variable of the style sheet, as it is now. */
function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Return an entity's short name: a process by its program. */
function named(place) {
  return island("entities")[place][3];
}

/** Return the terms of an event or finding as a sum. */
function sum(terms) {
  return terms.map(([name, bits]) => `${name} ${rounded(bits, 2)}`).join(" + ").replaceAll("+ -", "- ");
}

/** Return a number with so many digits, or short if it is beyond all measure. */
function rounded(value, digits) {
  if (value === null) return "";
  return Math.abs(value) < 1e6 ? value.toFixed(digits) : value.toExponential(1);
}

function moment(ts) {
  return ts.includes("T") ? ts.slice(0, 23).replace("T", " ") : ts;
}

/** Return where a raw record lies and what it says; `held` is the unpacked evidence. */
function evidence(held, place) {
  const [sources, rows] = held;
  const [source, line, record, text] = rows[place];
  const where = `${sources[source]}, ${line ? `line ${line}` : `record ${record}`}`;
  if (text === null) return [where, "(the log is no longer there)"];
  return [where, text === false ? "(left out to keep this page small: see graphad explain)" : text];
}
