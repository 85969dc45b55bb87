// The attack graph of one incident, at places that were computed when the report was made.

const SHAPES = {
  process: "ellipse", file: "round-rectangle", module: "round-rectangle", registry: "barrel",
  socket: "diamond", address: "diamond", host: "diamond", domain: "diamond", user: "triangle",
  session: "triangle", service: "hexagon", task: "hexagon", pipe: "hexagon", template: "round-tag",
};
const FAN = 8; // lines at one node, from which on their labels would cover each other
const NEAR = 0.7; // zoom below which names can't be read: then the rarest event is shown instead

function look() {
  const [front, back, rare, node, edge, soft, line] =
    ["front", "back", "rare", "node", "edge", "soft", "line"].map(variable);
  const text = { "font-family": "system-ui, sans-serif", "font-size": 11, color: front };
  return [
    { selector: "node", style: { ...text, label: "data(label)", shape: "data(shape)", width: 26, height: 26,
      "background-color": node, "border-width": 1.5, "border-color": soft, "text-valign": "bottom",
      "text-margin-y": 3, "min-zoomed-font-size": 7, "text-background-color": back, "text-background-opacity": 0.8 } },
    { selector: "node.entry", style: { "border-width": 5, "border-style": "double", "border-color": front } },
    { selector: "node.more", style: { "border-style": "dotted", width: 20, height: 20 } },
    { selector: "node.host", style: { shape: "round-rectangle", "background-opacity": 0, "border-color": line,
      "border-width": 1, "text-valign": "top", "text-margin-y": -2, "font-weight": "bold", padding: 18 } },
    { selector: "edge", style: { ...text, label: "data(label)", "source-label": "data(near)",
      "target-label": "data(far)", "source-text-offset": 52, "target-text-offset": 58, "font-size": 10, width: 1.2, "line-color": edge,
      "target-arrow-color": edge, "target-arrow-shape": "triangle", "curve-style": "bezier", color: soft,
      "min-zoomed-font-size": 7, "text-background-color": back, "text-background-opacity": 0.85, "text-background-padding": 1,
      "arrow-scale": 0.9 } },
    { selector: "edge.bent", style: { "curve-style": "taxi", "taxi-direction": "rightward" } },
    { selector: "edge.from", style: { "taxi-turn": "62%" } },
    { selector: "edge.to", style: { "taxi-turn": "38%" } },
    { selector: "edge.telling", style: { width: 2, "line-color": rare, "target-arrow-color": rare,
      "line-style": "dashed", "line-dash-pattern": [9, 3], color: rare, "font-weight": "bold" } },
    { selector: "edge.strong", style: { width: 3.5, "z-index": 2 } },
    { selector: "edge.rarest", style: { width: 6, "z-index": 3 } },
    { selector: ".chosen", style: { "overlay-color": rare, "overlay-opacity": 0.2, "overlay-padding": 5 } },
  ];
}

/** Return a line's class and label. A steep one between a leaf and a fan goes at right angles, as in a tree,
    and its label stands by the leaf: elsewhere the labels of a fan would cover each other. */
function drawnLine(graph, text, degree, src, dst) {
  const [across, down] = [2, 3].map((axis) => graph.nodes[dst][axis] - graph.nodes[src][axis]);
  const leaf = Math.min(degree[src], degree[dst]) === 1 && Math.max(degree[src], degree[dst]) > FAN;
  if (!leaf || across <= 0 || Math.abs(down) < across / 2) return [{ label: text, near: "", far: "" }, ""];
  if (degree[src] === 1) return [{ label: "", near: text, far: "" }, "bent from"];
  return [{ label: "", near: "", far: text }, "bent to"];
}

function elements(graph) {
  const found = [];
  const degree = graph.nodes.map(() => 0);
  for (const [src, dst] of graph.lines) {
    degree[src] += 1;
    degree[dst] += 1;
  }
  graph.hosts.forEach((host, i) => {
    if (host) found.push({ data: { id: `h${i}`, label: host, shape: "round-rectangle" }, classes: "host", selectable: false });
  });
  graph.nodes.forEach(([label, type, x, y, host, entity, entry], i) => {
    found.push({
      data: { id: `n${i}`, label, shape: SHAPES[type] || "ellipse", entity,
        parent: graph.hosts[host] ? `h${host}` : undefined },
      position: { x, y }, classes: [entry ? "entry" : "", entity < 0 ? "more" : ""].join(" "),
    });
  });
  graph.lines.forEach(([src, dst, action, telling, bits, events, rarest, strong], i) => {
    const count = events.length > 1 ? ` ×${events.length}` : "";
    const text = telling ? `${action}${count}  ${rounded(bits, 1)}` : `${action}${count}`;
    const [labels, bent] = drawnLine(graph, text, degree, src, dst);
    found.push({
      data: { id: `e${i}`, source: `n${src}`, target: `n${dst}`, events, ...labels },
      classes: [bent, telling ? "telling" : "", strong ? "strong" : "", rarest ? "rarest" : ""].join(" "),
    });
  });
  return found;
}

/** Draw a graph in an element; `tell` is called with what is pointed at: (entity or -1, events). */
function drawGraph(place, graph, tell) {
  const cy = cytoscape({
    container: place, elements: elements(graph), style: look(), layout: { name: "preset" },
    minZoom: 0.05, maxZoom: 3, autoungrabify: true, boxSelectionEnabled: false, userZoomingEnabled: false,
  });
  // The wheel scrolls the page, until somebody has gone into the graph.
  place.addEventListener("click", () => place.focus({ preventScroll: true })); // cytoscape took it away
  place.addEventListener("focus", () => cy.userZoomingEnabled(true));
  place.addEventListener("blur", () => cy.userZoomingEnabled(false));
  const choose = (one) => {
    cy.elements(".chosen").removeClass("chosen");
    one.addClass("chosen");
    tell(one.data("entity") ?? -1, one.isEdge() ? one.data("events") : []);
  };
  const see = (one) => { // move only if it is not to be seen
    const { x1, y1, x2, y2 } = one.renderedBoundingBox();
    if (x1 < 0 || y1 < 0 || x2 > cy.width() || y2 > cy.height()) cy.center(one);
  };
  const fit = () => {
    cy.fit(undefined, 24);
    if (cy.zoom() > 1.2) cy.zoom(1.2), cy.center();
    if (cy.zoom() < NEAR) cy.zoom(NEAR), cy.center(cy.edges(".rarest")), fill();
  };
  const fill = () => { // leave no room empty beside what does not fit
    const { x1, y1, x2, y2 } = cy.elements().renderedBoundingBox();
    const by = (low, high, size) => {
      if (high - low <= size - 48) return (size - low - high) / 2; // all of it fits: in the middle
      return low > 24 ? 24 - low : high < size - 24 ? size - 24 - high : 0;
    };
    cy.panBy({ x: by(x1, x2, cy.width()), y: by(y1, y2, cy.height()) });
  };
  cy.on("mouseover tap", "node:childless, edge", (event) => choose(event.target));
  fit();
  const rare = cy.edges(".telling").toArray();
  let at = -1;
  const step = (by) => {
    if (!rare.length) return;
    at = (at + by + rare.length) % rare.length;
    choose(rare[at]);
    see(rare[at]);
  };
  const keys = {
    n: () => step(1), p: () => step(at < 0 ? 0 : -1), 0: fit, "+": () => zoom(1.25), "-": () => zoom(0.8),
    "=": () => zoom(1.25), ArrowLeft: () => cy.panBy({ x: 60, y: 0 }), ArrowRight: () => cy.panBy({ x: -60, y: 0 }),
    ArrowUp: () => cy.panBy({ x: 0, y: 60 }), ArrowDown: () => cy.panBy({ x: 0, y: -60 }),
  };
  const zoom = (by) => cy.zoom({ level: cy.zoom() * by, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  place.addEventListener("keydown", (event) => {
    const does = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key.length > 1 ? event.key : event.key.toLowerCase()];
    if (does) event.preventDefault(), does();
  });
  return {
    cy,
    show(number) {
      const line = cy.edges().filter((one) => one.data("events").includes(number));
      if (line.nonempty()) choose(line[0]), see(line[0]);
      return line.nonempty();
    },
    repaint: () => cy.style(look()),
    /** Put a picture of the whole graph in its place, or take it away again. */
    print(on) {
      cy.style(look());
      place.querySelector("img")?.remove();
      if (!on) return;
      const image = document.createElement("img");
      image.alt = "";
      image.src = cy.png({ full: true, scale: 1.5, maxWidth: 2400, maxHeight: 2400, bg: variable("back") });
      place.append(image);
    },
  };
}
