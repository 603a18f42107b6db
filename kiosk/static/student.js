// Shows the screen that the gate names, and plays its sounds. Keeps nothing but what is shown now.
"use strict";

const SILENCE_MS = 2500; // the stream beats once a second; without it nothing here may go on saying "normal"
const DIGITS_LARGE_MAX = 5; // a longer telephone number gets a line of its own

const root = document.documentElement;
const sections = new Map([...document.querySelectorAll("section")].map((one) => [one.id, one]));
const estimate = document.querySelector(".estimate");
const police = document.querySelector(".police");
const audio = new AudioContext();
const sounds = new Map();

let shown = ""; // which screen of which visit
let playing = [];
let stream;
let heard_ms = performance.now();

function show({ screen, visit, detail, estimate: celsius }) {
  const section = sections.get(screen) ?? sections.get("out_of_order");
  section.querySelector(".detail").textContent = detail;
  estimate.hidden = celsius === null;
  estimate.querySelector("strong").textContent = celsius ?? "";
  root.dataset.screen = section.id;
  for (const one of sections.values()) one.hidden = one !== section;
  const now = `${section.id} ${visit}`;
  if (shown && shown !== now) play(section);
  shown = now;
}

function outOfOrder() {
  const detail = sections.get("out_of_order").querySelector(".detail").textContent;
  show({ screen: "out_of_order", visit: 0, detail, estimate: null });
}

function play(section) {
  for (const one of playing) one.stop();
  playing = [];
  if (audio.state !== "running") {
    audio.resume().catch(() => {}); // a browser that wants a touch first; the page goes on in silence
    return;
  }
  let at_s = audio.currentTime;
  for (const name of section.dataset.sounds.split(" ")) {
    const buffer = sounds.get(name);
    if (!buffer) continue;
    const source = new AudioBufferSourceNode(audio, { buffer });
    source.connect(audio.destination);
    source.start(at_s);
    at_s += buffer.duration;
    playing.push(source);
  }
}

async function fetchSounds() {
  for (const name of [...sections.values()].flatMap((one) => one.dataset.sounds.split(" ")).filter(Boolean)) {
    try {
      const answer = await fetch(`/sounds/${name}`);
      if (answer.ok) sounds.set(name, await audio.decodeAudioData(await answer.arrayBuffer()));
    } catch {
      // Silent for this screen: its shape, word and colour say the same.
    }
  }
}

function listen() {
  stream?.close();
  stream = new EventSource("/events");
  const hear = (use) => (event) => {
    heard_ms = performance.now();
    use(event.data);
  };
  stream.addEventListener("message", hear((data) => show(JSON.parse(data))));
  stream.addEventListener("beat", hear(() => {}));
  stream.addEventListener("page", hear((page) => page !== root.dataset.page && location.reload()));
}

setInterval(() => {
  if (performance.now() - heard_ms < SILENCE_MS) return;
  outOfOrder();
  heard_ms = performance.now();
  listen();
}, 250);

const characters = police.querySelector("strong").textContent.length;
police.classList.toggle("long", characters > DIGITS_LARGE_MAX);
police.style.setProperty("--characters", characters);
sections.get("out_of_order").hidden = false;
fetchSounds();
listen();
