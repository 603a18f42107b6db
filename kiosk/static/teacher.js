// Shows the teacher on duty what the gate says of today. Keeps nothing but what is shown now.
"use strict";

const SILENCE_MS = 2500;
const SVG = "http://www.w3.org/2000/svg";

const root = document.documentElement;
const by = (id) => document.getElementById(id);

let stream;
let heard_ms = performance.now();

function show(said) {
  root.dataset.state = said === null ? "gone" : said.sensor_fault ? "fault" : "well";
  const known = said ?? {};
  for (const { verdict, students } of known.today ?? []) by(`count-${verdict}`).textContent = students;
  if (said === null) for (const one of document.querySelectorAll("[id^=count-]")) one.textContent = "–";
  by("warming").hidden = !known.warming_up;
  by("clock").hidden = !known.clock_unsure;
  by("flow").textContent = known.flow ?? "";
  by("crowd").textContent = known.crowd ?? "–";
  by("crowd-students").textContent = known.crowd_students ?? "";
  by("air").textContent = known.air ?? "–";
  by("missed").textContent = known.missed ?? "–";
  by("detector").textContent = known.detector ?? "–";
  by("nobody").hidden = said === null || known.recent.length > 0;
  by("visits").replaceChildren(...(known.recent ?? []).map(row));
  draw(known.bars ?? []);
}

function row({ time, verdict, word, reason, skin, above, estimate }) {
  const mark = document.createElement("span");
  mark.className = `mark ${verdict}`;
  mark.textContent = word;
  const made = document.createElement("tr");
  for (const content of [time, mark, reason, skin, above, estimate]) {
    made.insertCell().append(content ?? "–");
  }
  return made;
}

function draw(bars) {
  const most = Math.max(1, ...bars);
  const [width, height] = [600, 120];
  const step = width / bars.length;
  const line = shape("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 });
  const drawn = bars.flatMap((students, at) => {
    const tall = (students / most) * (height - 4);
    return students === 0
      ? []
      : [shape("rect", { x: at * step + 1, y: height - tall, width: step - 2, height: tall, rx: 1 })];
  });
  by("chart").replaceChildren(line, ...drawn);
}

function shape(kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function listen() {
  stream?.close();
  stream = new EventSource("/teacher/events");
  const hear = (use) => (event) => {
    heard_ms = performance.now();
    use(event.data);
  };
  stream.addEventListener("message", hear((data) => show(JSON.parse(data))));
  stream.addEventListener("beat", hear(() => {}));
  stream.addEventListener("page", hear((page) => page !== root.dataset.page && location.reload()));
  stream.onerror = async () => {
    if (stream.readyState !== EventSource.CLOSED) return;
    const answer = await fetch("/teacher").catch(() => null);
    if (answer?.status === 401) location.reload(); // the pass has run out: the door asks for the word again
  };
}

setInterval(() => {
  if (performance.now() - heard_ms < SILENCE_MS) return;
  show(null);
  heard_ms = performance.now();
  listen();
}, 250);

listen();
