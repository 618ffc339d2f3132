// The page of a board: draws what it is told of boards, and has done to them what a person does here. Where they run is not its business:
// `show` is given what leads to them. Code of other sites is never loaded.
"use strict";

const LINES = 2000; // lines of a console that are kept
const FRAMES = 500; // rows of traffic that are kept
const EDGES = 20000; // changes of a pin that are kept
const LIT = [0x9f, 0xe8, 0xff]; // a dot of an OLED
const DARK = [0x05, 0x07, 0x0a];
const REDUCED = 30; // how often the slow parts are drawn, in milliseconds

// Ranges of properties that are set by sliders: least, most, step, unit. Others are typed.
const RANGES = {
  level: [0, 1, 0.01, ""], volts: [0, 3.3, 0.01, "V"], temperature: [-40, 85, 0.5, "°C"],
  pressure: [30000, 110000, 50, "Pa"], humidity: [0, 100, 0.5, "%"],
  acceleration: [-2, 2, 0.01, "g"], rotation: [-250, 250, 1, "°/s"], field: [-8, 8, 0.05, "G"],
};
const AXES = ["x", "y", "z"];
// Properties that say the same as another one of the part, or as its picture.
const DOUBLE = { analog: ["volts"], ssd1306: ["on", "contrast"], sh1106: ["on", "contrast"], st7789: ["on"], ili9341: ["on"] };
// Properties that cannot be set.
const SHOWN = { hd44780: ["text", "backlight"], mcp23017: ["pins"], sdcard: ["blocks"] };

const boards = [];
let world = false;
const element = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function notice(text) {
  element("notice").textContent = text;
  element("notice").hidden = !text;
}

// What leads to the boards. `act(place, action)` does something with one and returns what it says, or throws what is wrong.
// `file(path, place, more, name)` returns the attributes of a link to a file of one. `open(page)` tells the page from then on:
// `page.hello({ world, boards })` which boards there are, `page.board(news)` what has changed of one, `page.gone(text)` that they are gone.
let carrier = null;

async function act(place, action) {
  try {
    const told = await carrier.act(place, action);
    notice("");
    return told;
  } catch (error) {
    notice(error.message);
    return null;
  }
}

// Actions of one page reach the board in the order in which they were done.
let queue = Promise.resolve();
function enqueue(place, action) {
  queue = queue.then(() => act(place, action));
  return queue;
}

// ---- the console: enough of ECMA-48 for colours and for a prompt that is edited ----

const COLOURS = ["#7c8783", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#e6edf3"];
const BRIGHT = ["#a5aeaa", "#ffa198", "#aff5b4", "#f8e3a1", "#a5d6ff", "#e2c5ff", "#b3f0f4", "#ffffff"];

function palette(n) {
  if (n < 8) return COLOURS[n];
  if (n < 16) return BRIGHT[n - 8];
  if (n >= 232) { const grey = 8 + 10 * (n - 232); return `rgb(${grey},${grey},${grey})`; }
  const part = (v) => (v ? 55 + 40 * v : 0);
  n -= 16;
  return `rgb(${part(Math.floor(n / 36))},${part(Math.floor(n / 6) % 6)},${part(n % 6)})`;
}

class Terminal {
  constructor(node) {
    this.node = node;
    this.decoder = new TextDecoder();
    this.lines = [[]]; // cells: [character, style]
    this.rows = [];
    this.clear();
  }

  clear() {
    this.lines = [[]];
    this.column = 0;
    this.style = "";
    this.colours = { fore: null, back: null, bold: false, inverse: false };
    this.pending = "";
    this.node.textContent = "";
    this.rows = [];
    this.dirty = 0;
    this.draw();
  }

  write(bytes) {
    let text = this.pending + this.decoder.decode(bytes, { stream: true });
    this.pending = "";
    this.dirty = Math.min(this.dirty, this.lines.length - 1);
    for (let at = 0; at < text.length;) {
      const character = text[at];
      if (character === "\x1b") {
        const sequence = /^\x1b(?:\[([0-9;?]*)([@-~])|[^[])/.exec(text.slice(at, at + 40));
        if (!sequence) {
          if (text.length - at < 40) { this.pending = text.slice(at); break; }
          at += 1;
          continue;
        }
        at += sequence[0].length;
        if (sequence[2]) this.control(sequence[1], sequence[2]);
        continue;
      }
      const whole = String.fromCodePoint(text.codePointAt(at));
      at += whole.length;
      this.put(whole);
    }
    if (this.lines.length > LINES) {
      const excess = this.lines.length - LINES;
      this.lines.splice(0, excess);
      this.rows.splice(0, excess).forEach((row) => row.remove());
      this.dirty = Math.max(0, this.dirty - excess);
    }
  }

  put(character) {
    const line = this.lines[this.lines.length - 1];
    if (character === "\n") { this.lines.push([]); if (!this.keepsColumn) this.column = 0; }
    else if (character === "\r") this.column = 0;
    else if (character === "\b") this.column = Math.max(0, this.column - 1);
    else if (character === "\t") do this.put(" "); while (this.column % 8);
    else if (character >= " ") {
      while (line.length < this.column) line.push([" ", ""]);
      line[this.column] = [character, this.style];
      this.column += 1;
    }
  }

  control(values, final) {
    const numbers = values.split(";").map((number) => parseInt(number, 10) || 0);
    const line = this.lines[this.lines.length - 1];
    const count = Math.max(1, numbers[0]);
    if (final === "m") this.colour(numbers);
    else if (final === "K") { if (numbers[0] === 2) line.length = 0; else if (numbers[0] === 0) line.length = Math.min(line.length, this.column); }
    else if (final === "D") this.column = Math.max(0, this.column - count);
    else if (final === "C") this.column += Math.min(count, 200);
    else if (final === "G") this.column = Math.min(count, 200) - 1;
    else if (final === "J" && numbers[0] >= 2) this.clear();
  }

  colour(numbers) {
    const now = this.colours;
    for (let n = 0; n < numbers.length; n += 1) {
      const code = numbers[n];
      if (code === 0) Object.assign(now, { fore: null, back: null, bold: false, inverse: false });
      else if (code === 1) now.bold = true;
      else if (code === 22) now.bold = false;
      else if (code === 7 || code === 27) now.inverse = code === 7;
      else if (code >= 30 && code <= 37) now.fore = COLOURS[code - 30];
      else if (code >= 90 && code <= 97) now.fore = BRIGHT[code - 90];
      else if (code >= 40 && code <= 47) now.back = COLOURS[code - 40];
      else if (code >= 100 && code <= 107) now.back = BRIGHT[code - 100];
      else if (code === 39) now.fore = null;
      else if (code === 49) now.back = null;
      else if (code === 38 || code === 48) {
        let colour = null;
        if (numbers[n + 1] === 5) { colour = palette(numbers[n + 2] & 255); n += 2; }
        else if (numbers[n + 1] === 2) { colour = `rgb(${numbers.slice(n + 2, n + 5).map((v) => v & 255).join(",")})`; n += 4; }
        now[code === 38 ? "fore" : "back"] = colour;
      }
    }
    const [fore, back] = now.inverse ? [now.back || "#0e1211", now.fore || "#d9dfdb"] : [now.fore, now.back];
    this.style = [fore && `color:${fore}`, back && `background:${back}`, now.bold && "font-weight:700"].filter(Boolean).join(";");
  }

  draw() {
    const follows = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 40;
    for (let n = this.dirty; n < this.lines.length; n += 1) {
      let row = this.rows[n];
      if (!row) { row = this.rows[n] = document.createElement("div"); this.node.append(row); }
      this.fill(row, this.lines[n], n === this.lines.length - 1);
    }
    this.dirty = this.lines.length - 1;
    if (follows) this.node.scrollTop = this.node.scrollHeight;
  }

  fill(row, cells, last) {
    row.textContent = "";
    let run = "", style = "";
    const flush = () => {
      if (!run) return;
      if (style) { const span = document.createElement("span"); span.style.cssText = style; span.textContent = run; row.append(span); }
      else row.append(run);
      run = "";
    };
    cells.forEach(([character, its], at) => {
      if (last && at === this.column) { flush(); row.append(make("span", { class: "cursor" }, character)); return; }
      if (its !== style) { flush(); style = its; }
      run += character;
    });
    flush();
    if (last && this.column >= cells.length) row.append(make("span", { class: "cursor" }, " "));
    else if (!cells.length) row.append("\u200b");
  }
}

function keyBytes(event) {
  if (event.altKey || event.metaKey) return null;
  if (event.ctrlKey) {
    const key = event.key.toUpperCase();
    if (key.length === 1 && key >= "A" && key <= "Z" && !(key === "C" && String(getSelection()))) {
      return key === "V" ? null : String.fromCharCode(key.charCodeAt(0) - 64);
    }
    return null;
  }
  const named = { Enter: "\r", Backspace: "\x7f", Escape: "\x1b", ArrowUp: "\x1b[A", ArrowDown: "\x1b[B", ArrowRight: "\x1b[C", ArrowLeft: "\x1b[D", Home: "\x1b[H", End: "\x1b[F", Delete: "\x1b[3~" };
  return named[event.key] || (event.key.length === 1 ? event.key : null);
}

// ---- one board ----

class Board {
  constructor(place, name) {
    [this.place, this.name] = [place, name];
    this.root = element("board").content.firstElementChild.cloneNode(true);
    element("boards").append(this.root);
    this.canvases = new Map();
    this.parts = new Map();
    this.pads = new Map();
    this.waves = new Map();
    this.terminals = [];
    this.labels = new Map();
    this.medium = "network";
    this.held = new Set();
    this.closing = new Set();
    this.time = 0;
    this.find(".reset").addEventListener("click", () => this.act({ do: "reset" }));
    this.find(".clear").addEventListener("click", () => this.terminals.forEach((one) => one.clear()));
    this.find(".console form.line").addEventListener("submit", (event) => {
      event.preventDefault();
      const input = this.find(".console form.line input");
      this.send(input.value + "\r");
      input.value = "";
    });
    this.find(".traffic .tabs").addEventListener("click", (event) => {
      if (event.target.dataset.medium) this.showMedium(event.target.dataset.medium);
    });
    this.find(".beacons input").addEventListener("change", () => this.showMedium(this.medium));
    for (const button of this.root.querySelectorAll(".expect")) button.addEventListener("click", () => this.act({ do: "expect", what: button.dataset.what }));
    this.find(".tone .listen").addEventListener("click", () => this.hear());
    this.find(".peer-port").addEventListener("submit", (event) => {
      event.preventDefault();
      const port = Number(this.find(".peer-port input").value);
      this.act({ do: event.submitter ? event.submitter.value : "listen", port });
    });
    this.talks = new Map();
    this.around = new Map();
    this.frames = { network: [], air: [] };
    document.addEventListener("click", (event) => {
      const menu = this.find(".menu");
      if (menu.open && !menu.contains(event.target)) menu.open = false;
    });
  }

  find(selector) { return this.root.querySelector(selector); }
  act(action) { return enqueue(this.place, action); }
  send(text) { return this.act({ do: "send", text, uart: this.uart }); }

  take(news) {
    if (news.board) this.setBoard(news.board);
    if (news.parts) this.setParts(news.parts);
    if (news.state) this.setState(news.state);
    if (news.displays) news.displays.forEach((one) => this.setDisplay(one));
    if (news.leds) this.setLeds(news.leds);
    if (news.tone) this.setTone(news.tone);
    if (news.peer) this.setPeer(news.peer);
    if (news.recording) this.setRecording(news.recording);
    if (news.pads) this.setPads(news.pads);
    if (news.edges) news.edges.forEach((one) => this.addEdges(one));
    if (news.consoles) news.consoles.forEach((one) => this.print(one));
    if (news.network) this.addFrames("network", news.network);
    if (news.air) this.addFrames("air", news.air);
    if (news.cable) this.setCable(news.cable);
    if (news.networks) this.setNetworks(news.networks);
    if (news.unmodelled) this.setUnmodelled(news.unmodelled);
  }

  setBoard(board) {
    this.find(".board-name").textContent = this.name;
    this.root.setAttribute("aria-label", `Board ${this.name}`);
    const tabs = this.find(".console .tabs"), terminal = this.find(".terminal");
    if (!this.terminals.length) {
      for (let uart = 0; uart < board.uarts; uart += 1) {
        const node = uart ? terminal.cloneNode(false) : terminal;
        node.hidden = uart > 0;
        if (uart) terminal.parentNode.insertBefore(node, this.find(".console form.line"));
        node.addEventListener("keydown", (event) => {
          const bytes = keyBytes(event);
          if (bytes == null) return;
          event.preventDefault();
          this.send(bytes);
        });
        node.addEventListener("paste", (event) => {
          event.preventDefault();
          this.send(event.clipboardData.getData("text").replace(/\r?\n/g, "\r"));
        });
        this.terminals.push(new Terminal(node));
        tabs.append(make("button", { type: "button", role: "tab", "aria-selected": String(uart === 0), onclick: () => this.showUart(uart) }, `UART${uart}`));
      }
      tabs.hidden = this.terminals.length < 2;
      this.showUart(0);
    }
    const files = [["network.pcap", "Network, pcap"], ["air.pcap", "Air, pcap"], ["pins.vcd", "Pins that are recorded, VCD"], ["console", "Console, text"]];
    files.push(["board.espalier", world ? "Snapshot of the world" : "Snapshot of the board", {}, world ? "world.espalier" : "board.espalier"]);
    this.files = files;
    this.listFiles();
    title();
  }

  listFiles() {
    const pictures = [...this.canvases.keys()].map((name) => ["screen.png", `Picture of ${name}`, { display: name }, `${name}.png`]);
    const entry = ([path, text, more = {}, file = path]) => {
      const name = `${this.name}-${path === "console" ? "console.log" : file}`;
      return make("li", {}, make("a", { ...carrier.file(path, this.place, more, name), download: name }, text));
    };
    this.find(".downloads").replaceChildren(...[...pictures, ...(this.files || [])].map(entry));
  }

  showUart(uart) {
    this.uart = uart;
    this.terminals.forEach((one, n) => { one.node.hidden = n !== uart; });
    [...this.find(".console .tabs").children].forEach((tab, n) => tab.setAttribute("aria-selected", String(n === uart)));
    this.terminals[uart].draw();
  }

  setState(state) {
    this.time = state.time;
    this.state = state;
    this.find(".address").textContent = state.address || "";
    clock(state);
  }

  // -- displays and LEDs --

  setDisplay(shown) {
    let canvas = this.canvases.get(shown.name);
    if (!canvas) {
      canvas = make("canvas", { role: "img" });
      const size = make("span", {}, `${shown.width} × ${shown.height}`);
      const figure = make("figure", {}, make("div", { class: "glass" }, canvas), make("figcaption", {}, make("span", {}, shown.name), size,
        make("button", { type: "button", class: "expect quiet", hidden: !this.recording, "data-what": "screen", "aria-label": `Expect what ${shown.name} shows`, onclick: () => this.act({ do: "expect", what: "screen", ...(this.canvases.keys().next().value === shown.name ? {} : { display: shown.name }) }) }, "Expect")));
      this.find(".displays .body").append(figure);
      this.find(".displays").hidden = false;
      canvas.dataset.name = shown.name;
      this.canvases.set(shown.name, canvas);
      this.listFiles();
    }
    if (canvas.width !== shown.width || canvas.height !== shown.height) [canvas.width, canvas.height] = [shown.width, shown.height];
    canvas.style.maxWidth = shown.height > shown.width ? `${shown.width}px` : "";
    canvas.setAttribute("aria-label", `Display ${shown.name}, ${shown.width} by ${shown.height} pixels${shown.on ? "" : ", off"}`);
    const bytes = Uint8Array.from(atob(shown.pixels), (character) => character.charCodeAt(0));
    const context = canvas.getContext("2d"), image = context.createImageData(shown.width, shown.height);
    const row = Math.ceil(shown.width / 8);
    for (let y = 0, to = 0; y < shown.height; y += 1) {
      for (let x = 0; x < shown.width; x += 1, to += 4) {
        let colour;
        if (shown.format === "dots") colour = bytes[y * row + (x >> 3)] & (0x80 >> (x & 7)) ? LIT : DARK;
        else { const from = (y * shown.width + x) * 3; colour = bytes.subarray(from, from + 3); }
        image.data.set(colour, to);
        image.data[to + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
  }

  setLeds(strips) {
    this.find(".leds").hidden = !strips.length;
    this.find(".leds .body").replaceChildren(...strips.map((strip) => make("div", { class: "strip" },
      make("span", { class: "name" }, strip.name),
      ...strip.colours.map(([red, green, blue], n) => {
        const led = make("span", { class: "led", role: "img", "aria-label": `LED ${n + 1}: red ${red}, green ${green}, blue ${blue}`, title: `${red}, ${green}, ${blue}` });
        // Eyes see a dim LED; a screen shows its value as nearly black.
        const seen = [red, green, blue].map((value) => Math.round(255 * Math.pow(value / 255, 0.45)));
        const most = Math.max(...seen);
        led.style.background = most ? `rgb(${seen.join(",")})` : "transparent";
        if (most) led.style.boxShadow = `0 0 ${Math.round(most / 20)}px rgb(${seen.join(",")})`;
        return led;
      }))));
  }

  // -- the buzzer --

  setTone(tone) {
    this.find(".tone").hidden = !tone.buzzer;
    this.tone = tone;
    this.find(".playing").textContent = tone.hertz ? `${tone.hertz >= 1000 ? `${(tone.hertz / 1000).toFixed(2)} kHz` : `${tone.hertz.toFixed(1)} Hz`}, ${note(tone.hertz)}` : "silent";
    this.play();
  }

  // A browser gives sound only after a person has asked for it.
  hear() {
    const button = this.find(".tone .listen"), on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    if (on && !this.sound) {
      const context = new AudioContext(), gain = context.createGain(), oscillator = context.createOscillator();
      oscillator.type = "square";
      gain.gain.value = 0;
      oscillator.connect(gain).connect(context.destination);
      oscillator.start();
      this.sound = { context, gain, oscillator };
    }
    if (this.sound) on ? this.sound.context.resume() : this.sound.context.suspend();
    this.play();
  }

  play() {
    if (!this.sound) return;
    const { context, gain, oscillator } = this.sound, hertz = this.tone?.hertz;
    if (hertz) oscillator.frequency.setValueAtTime(hertz, context.currentTime);
    gain.gain.setValueAtTime(hertz ? 0.05 : 0, context.currentTime);
  }

  // -- recording and the peer --

  setRecording(told) {
    this.recording = true;
    this.root.querySelectorAll(".expect").forEach((button) => { button.hidden = false; });
    element("recording").hidden = false;
    element("recording").textContent = `Recording a scenario: ${told.steps} step${told.steps === 1 ? "" : "s"} so far. "Expect" keeps what is there now; Ctrl-C in the terminal writes the file.`;
  }

  setPeer(peer) {
    this.find(".peer").hidden = false;
    this.find(".peer-address").textContent = peer.address;
    this.find(".listening").textContent = peer.listening.length ? `Listens on ${peer.listening.join(", ")}.` : "";
    const names = new Set();
    const talk = (key, title, told, build) => {
      names.add(key);
      let node = this.talks.get(key);
      if (!node) {
        node = make("div", { class: "connection" }, make("div", { class: "part-head" }, make("strong", {}, title), make("small", {})), make("pre", { role: "log", "aria-label": title }), build());
        this.talks.set(key, node);
        this.find(".talks").append(node);
      }
      node.querySelector("pre").textContent = told.said;
      node.querySelector("pre").scrollTop = node.querySelector("pre").scrollHeight;
      return node;
    };
    const form = (label, send, ...buttons) => {
      const input = make("input", { type: "text", "aria-label": label, placeholder: label, autocomplete: "off", spellcheck: "false" });
      return make("form", { class: "line", onsubmit: (event) => { event.preventDefault(); send(unescaped(input.value)); input.value = ""; } }, input, make("button", { type: "submit" }, "Send"), ...buttons);
    };
    for (const one of peer.sockets) {
      const close = (text, reset) => make("button", { type: "button", class: "quiet", onclick: () => this.act({ do: "peer-close", connection: one.name, reset }) }, text);
      const node = talk(`tcp ${one.name}`, `${one.name} · ${one.remote}`, one, () => form(`Text for the board, on ${one.name}`, (text) => this.act({ do: "peer-send", connection: one.name, text }), close("Close", false), close("Reset", true)));
      node.querySelector("small").textContent = one.ended || "";
      node.querySelector("form").hidden = Boolean(one.ended);
    }
    for (const one of peer.udp) {
      talk(`udp ${one.port}`, `UDP ${one.port}`, one, () => {
        const to = make("input", { type: "number", min: 1, max: 65535, "aria-label": "Port of the board", placeholder: "to port", required: true });
        const node = form(`Datagram from ${one.port}`, (text) => this.act({ do: "udp-send", from: one.port, port: Number(to.value), text }));
        node.prepend(to);
        return node;
      });
    }
    for (const [key, node] of this.talks) if (!names.has(key)) { node.remove(); this.talks.delete(key); }
  }

  // -- parts --

  setParts(parts) {
    for (const part of parts) {
      for (const [, pin] of part.pins) this.labels.set(pin, [...(this.labels.get(pin) || []).filter((name) => name !== part.name), part.name]);
      let shown = this.parts.get(part.name);
      if (!shown) {
        shown = part.press ? this.makeKey(part) : this.makePart(part);
        this.parts.set(part.name, shown);
      }
      shown(part);
    }
    for (const [pin, pad] of this.pads) pad.querySelector("small").textContent = this.label(pin);
  }

  label(pin) { return (this.labels.get(pin) || []).join(", "); }

  makeKey(part) {
    const touch = part.press === "touched";
    const place = part.pins.map(([, pin]) => `GPIO ${pin}`).join(" ");
    const key = make("button", { type: "button", class: "key", "aria-pressed": "false", "aria-label": `${touch ? "Touch pad" : "Button"} ${part.name} ${place}`, "data-part": part.name },
      make("strong", {}, part.name), " ", make("small", {}, place));
    const down = () => { if (!this.held.has(part.name)) { this.held.add(part.name); key.setAttribute("aria-pressed", "true"); this.act({ do: "press", part: part.name, pressed: true }); } };
    const up = () => { if (this.held.delete(part.name)) this.act({ do: "press", part: part.name, pressed: false }); };
    key.addEventListener("pointerdown", (event) => { if (event.button === 0) { key.setPointerCapture(event.pointerId); down(); } });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) key.addEventListener(name, up);
    key.addEventListener("contextmenu", (event) => event.preventDefault());
    key.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); down(); } });
    key.addEventListener("keyup", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); up(); } });
    // A screen reader presses without pointer and keys.
    key.addEventListener("click", (event) => { if (event.detail === 0 && !this.held.has(part.name)) this.act({ do: "press", part: part.name }); });
    key.press = { down, up };
    this.find(touch ? ".touch" : ".keys").hidden = false;
    this.find(touch ? ".touch .body" : ".keys .body").append(key);
    return (now) => { if (!this.held.has(part.name)) key.setAttribute("aria-pressed", String(now.properties[now.press] === true)); };
  }

  makePart(part) {
    const where = part.pins.map(([key, pin]) => `${key === "gpio" ? "GPIO" : key} ${pin}`).join(", ");
    const node = make("div", { class: "part" }, make("div", { class: "part-head" }, make("strong", {}, part.name), make("small", {}, `${part.kind} · ${where}`)));
    const updates = [];
    for (const [property, value] of Object.entries(part.properties)) {
      if ((DOUBLE[part.kind] || []).includes(property)) continue;
      const rows = (SHOWN[part.kind] || []).includes(property) ? this.fixed(property, value) : this.settable(part, property, value);
      node.append(...rows.nodes);
      updates.push((now) => rows.update(now.properties[property]));
    }
    // Displays and LEDs are drawn.
    if (updates.length || part.kind === "buzzer") {
      this.find(".sensors .body").append(node);
      this.find(".sensors").hidden = false;
    }
    return (now) => updates.forEach((update) => update(now));
  }

  fixed(property, value) {
    const text = make("span", { class: "fixed" });
    const update = (now) => { text.textContent = Array.isArray(now) ? now.join(", ") : String(now ?? "–"); };
    update(value);
    return { nodes: [make("div", { class: "property" }, make("span", {}, property), text)], update };
  }

  settable(part, property, value) {
    const range = RANGES[property];
    const set = (to) => this.act({ do: "set", part: part.name, property, value: to });
    if (range && (typeof value === "number" || Array.isArray(value))) {
      const values = [].concat(value), inputs = [];
      const nodes = values.map((one, axis) => {
        const name = values.length > 1 ? `${property} ${AXES[axis] || axis}` : property;
        const input = make("input", { type: "range", min: range[0], max: range[1], step: range[2], "aria-label": `${part.name}, ${name}`, "data-part": part.name, "data-property": property });
        const output = make("output", {});
        input.addEventListener("input", () => {
          const now = inputs.map((other) => Number(other.value));
          show(axis, now[axis]);
          slow(`${this.place} ${part.name} ${property}`, () => set(Array.isArray(value) ? now : now[0]));
        });
        inputs.push(input);
        input.output = output;
        return make("div", { class: "property" }, make("label", {}, name), input, output);
      });
      const show = (axis, now) => { inputs[axis].output.textContent = `${Number(now).toFixed(range[2] < 0.1 ? 2 : range[2] < 1 ? 1 : 0)} ${range[3]}`.trim(); };
      const update = (now) => [].concat(now).forEach((one, axis) => {
        if (!inputs[axis] || inputs[axis] === document.activeElement) return;
        inputs[axis].value = one;
        show(axis, one);
      });
      update(value);
      return { nodes, update };
    }
    const input = make("input", { type: "text", class: "wide", "aria-label": `${part.name}, ${property}`, "data-part": part.name, "data-property": property });
    input.addEventListener("change", () => {
      const text = input.value.trim();
      const numbers = text.split(/[\s,]+/).map(Number);
      set(Array.isArray(value) ? numbers : typeof value === "boolean" ? text === "true" : typeof value === "number" || (value == null && text !== "" && !Number.isNaN(Number(text))) ? Number(text) : text);
    });
    const update = (now) => { if (input !== document.activeElement && now != null) input.value = Array.isArray(now) ? now.join(", ") : now; };
    update(value);
    return { nodes: [make("div", { class: "property" }, make("label", {}, property), input)], update };
  }

  // -- pins --

  setPads(pads) {
    for (const pad of pads) {
      let node = this.pads.get(pad.gpio);
      if (!node) {
        node = make("button", { type: "button", class: "pad", "aria-pressed": "false", onclick: () => this.watch(pad.gpio) }, make("span", {}, String(pad.gpio)), " ", make("small", {}, this.label(pad.gpio)));
        this.pads.set(pad.gpio, node);
        this.find(".pad-grid").append(node);
      }
      const state = pad.hertz ? "pulses" : pad.level ? "high" : "low";
      if (node.state !== state) {
        node.classList.remove("high", "low", "pulses");
        node.classList.add(state);
        node.state = state;
        node.setAttribute("aria-label", `GPIO ${pad.gpio} ${this.label(pad.gpio)}, ${state}`);
        node.title = `GPIO ${pad.gpio}: ${state}`;
      }
      const wave = this.waves.get(pad.gpio);
      if (wave) wave.level = pad.level;
      if (wave) wave.what.textContent = `GPIO ${pad.gpio} ${this.label(pad.gpio)} · ${pad.hertz ? `${pulses(pad)}` : pad.level ? "high" : "low"}`;
    }
  }

  async watch(gpio) {
    if (this.waves.has(gpio)) {
      this.closing.add(gpio);
      this.closeWave(gpio);
      await this.act({ do: "watch", gpio, on: false });
      this.closing.delete(gpio);
      return;
    }
    this.openWave(gpio);
    if (!(await this.act({ do: "watch", gpio, on: true }))) this.closeWave(gpio);
  }

  closeWave(gpio) {
    this.waves.get(gpio)?.node.remove();
    this.waves.delete(gpio);
    this.pads.get(gpio)?.setAttribute("aria-pressed", "false");
  }

  openWave(gpio) {
    this.pads.get(gpio)?.setAttribute("aria-pressed", "true");
    const canvas = make("canvas", { role: "img", "aria-label": `Waveform of GPIO ${gpio}` });
    const what = make("span", { class: "what" }, `GPIO ${gpio} ${this.label(gpio)}`);
    const drive = ["low", "high", "released"].map((level) => make("button", { type: "button", "aria-label": `GPIO ${gpio}: ${level}`, onclick: () => this.act({ do: "pin", gpio, level }) }, level));
    drive.push(make("button", { type: "button", class: "expect", hidden: !this.recording, "aria-label": `Expect the level of GPIO ${gpio}`, onclick: () => this.act({ do: "expect", what: "pin", gpio }) }, "expect"));
    const node = make("div", { class: "wave" }, what, make("div", { class: "drive", role: "group", "aria-label": `Drive GPIO ${gpio}` }, ...drive), canvas);
    this.find(".waves").append(node);
    this.waves.set(gpio, { node, canvas, what, changes: [], level: this.pads.get(gpio)?.state === "high" });
  }

  addEdges(edges) {
    if (this.closing.has(edges.gpio)) return;
    // Another page may have chosen it.
    if (!this.waves.has(edges.gpio)) this.openWave(edges.gpio);
    const wave = this.waves.get(edges.gpio);
    if (edges.changes.length && (!wave.changes.length || edges.skipped)) wave.changes.push({ ...edges.before, at: wave.changes.length ? edges.changes[0].at - 1e-9 : 0 });
    wave.changes.push(...edges.changes);
    if (wave.changes.length > EDGES) wave.changes.splice(0, wave.changes.length - EDGES);
  }

  drawWaves() {
    const span = Number(this.find(".window select").value);
    for (const wave of this.waves.values()) drawWave(wave, this.time, span);
  }

  // -- consoles and traffic --

  print(told) {
    const terminal = this.terminals[told.uart];
    if (!terminal) return;
    if (told["left-out"] && terminal.lines.length > 1) terminal.write(new TextEncoder().encode(`\r\n\x1b[90m[${told["left-out"]} bytes were left out]\x1b[0m\r\n`));
    terminal.write(Uint8Array.from(told.text, (character) => character.charCodeAt(0)));
    if (!terminal.node.hidden) terminal.draw();
    else this.find(".console .tabs").children[told.uart].textContent = `UART${told.uart} •`;
    if (!terminal.node.hidden && this.terminals.length > 1) this.find(".console .tabs").children[told.uart].textContent = `UART${told.uart}`;
  }

  addFrames(medium, told) {
    const frames = this.frames[medium];
    if (told["left-out"]) frames.push({ note: `${told["left-out"]} frames were left out` });
    frames.push(...told.frames);
    if (frames.length > FRAMES) frames.splice(0, frames.length - FRAMES);
    if (medium === this.medium) slow(`${this.place} frames`, () => this.drawFrames());
  }

  showMedium(medium) {
    this.medium = medium;
    for (const tab of this.find(".traffic .tabs").children) tab.setAttribute("aria-selected", String(tab.dataset.medium === medium));
    this.find(".beacons").hidden = medium !== "air";
    this.drawFrames();
  }

  drawFrames() {
    const box = this.find(".frames"), beacons = this.find(".beacons input").checked;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    const frames = this.frames[this.medium].filter((frame) => beacons || frame.protocol !== "beacon");
    const cell = (text, name) => make("td", name ? { class: name } : {}, text);
    this.find("tbody").replaceChildren(...frames.map((frame) => frame.note
      ? make("tr", {}, make("td", { colspan: 7 }, frame.note))
      : make("tr", { class: frame.out ? "out" : "in" }, cell(frame.at.toFixed(6)),
        make("td", {}, make("span", { "aria-hidden": "true" }, frame.out ? "→" : "←"), make("span", { class: "sr" }, frame.out ? "from the board" : "to the board")),
        cell(frame.protocol), cell(frame.from), cell(frame.to), cell(String(frame.length), "num"), cell(frame.info))));
    this.find(".frames .empty").hidden = frames.length > 0;
    if (follows) box.scrollTop = box.scrollHeight;
  }

  // -- the surroundings --

  // A row with a switch, which stays the same node: it may have the focus.
  surrounding(key, name, what, verb, label, action) {
    let row = this.around.get(key);
    if (!row) {
      row = make("li", {}, make("span", {}), make("small", {}), make("button", { type: "button", class: "quiet", onclick: () => this.act(row.action) }));
      this.around.set(key, row);
      this.find(".networks .body").append(row);
    }
    const [title, small, button] = row.children;
    title.textContent = name;
    small.textContent = what;
    row.action = action;
    button.hidden = !action;
    button.textContent = verb;
    button.setAttribute("aria-label", label);
  }

  setCable({ cut }) {
    this.surrounding("cable", "Ethernet cable", cut ? "cut" : "plugged in", cut ? "Put back" : "Cut", cut ? "Put back the Ethernet cable" : "Cut the Ethernet cable", { do: "cable", cut: !cut });
  }

  setNetworks(networks) {
    const present = new Set(["cable"]);
    for (const one of networks) {
      const key = `${one.own ? "own" : "network"} ${one.ssid}`;
      present.add(key);
      const what = [one.away && "taken away", `channel ${one.channel}`, one.protected ? "WPA2" : "open", one.rssi != null && `${one.rssi} dBm`, one.stations ? `${one.stations} joined` : ""].filter(Boolean).join(" · ");
      this.surrounding(key, one.ssid + (one.own ? " (the board's own)" : ""), what, one.away ? "Give back" : "Take away",
        one.away ? `Give back ${one.ssid}` : `Take away ${one.ssid}`, one.own ? null : { do: "network", ssid: one.ssid, on: Boolean(one.away) });
    }
    for (const [key, row] of this.around) if (!present.has(key)) { row.remove(); this.around.delete(key); }
  }

  setUnmodelled(told) {
    const lines = [...told.blocks, ...told.dropped.map((what) => `dropped: ${what}`)];
    this.find(".unmodelled").hidden = !lines.length;
    this.find(".unmodelled .body").replaceChildren(...lines.map((line) => make("li", {}, line)));
  }
}

// The note of a frequency, in equal temperament from A4 at 440 Hz.
function note(hertz) {
  const number = Math.round(69 + 12 * Math.log2(hertz / 440));
  const names = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
  return `${names[((number % 12) + 12) % 12]}${Math.floor(number / 12) - 1}`;
}

// Text of a field, in which \n, \r, \t and \\ stand for what they are in programs.
function unescaped(text) {
  return text.replace(/\\([nrt\\])/g, (_, one) => ({ n: "\n", r: "\r", t: "\t", "\\": "\\" })[one]);
}

function pulses(pad) {
  const hertz = pad.hertz >= 1e6 ? `${(pad.hertz / 1e6).toFixed(2)} MHz` : pad.hertz >= 1e3 ? `${(pad.hertz / 1e3).toFixed(2)} kHz` : `${pad.hertz.toFixed(1)} Hz`;
  return `${hertz}, ${Math.round(100 * pad.duty)} % high`;
}

function drawWave(wave, now, span) {
  const canvas = wave.canvas, ratio = devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (!width) return;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  context.clearRect(0, 0, width, height);
  context.strokeStyle = context.fillStyle = style.getPropertyValue("--wave");
  context.lineWidth = ratio * 1.5;
  const start = now - span, x = (at) => (width * (at - start)) / span, y = (level) => (level ? height * 0.2 : height * 0.8);
  const shown = wave.changes.filter((change, n) => n + 1 === wave.changes.length || wave.changes[n + 1].at >= start);
  context.beginPath();
  shown.forEach((change, n) => {
    const from = Math.max(0, x(change.at)), to = n + 1 < shown.length ? x(shown[n + 1].at) : width;
    if (change.hertz && ((to - from) * span * change.hertz) / width > (to - from) / 3) {
      context.globalAlpha = 0.35;
      context.fillRect(from, height * 0.2, to - from, height * 0.6);
      context.globalAlpha = 1;
    } else if (change.hertz) {
      const period = 1 / change.hertz, high = period * change.duty;
      for (let at = change.at; x(at) < to; at += period) {
        if (x(at + period) < 0) continue;
        context.moveTo(x(at), y(0)); context.lineTo(x(at), y(1)); context.lineTo(x(at + high), y(1)); context.lineTo(x(at + high), y(0)); context.lineTo(Math.min(to, x(at + period)), y(0));
      }
    } else {
      if (n) context.moveTo(from, y(!change.level)); else context.moveTo(from, y(change.level));
      context.lineTo(from, y(change.level));
      context.lineTo(to, y(change.level));
    }
  });
  if (!shown.length) {
    context.moveTo(0, y(wave.level));
    context.lineTo(width, y(wave.level));
  }
  context.stroke();
}

// ---- what all boards share ----

const waiting = new Map();
// Does the last of several actions, a little later.
function slow(name, action) {
  if (waiting.has(name)) { waiting.set(name, action); return; }
  waiting.set(name, action);
  setTimeout(() => { const last = waiting.get(name); waiting.delete(name); last(); }, REDUCED);
}

function title() {
  const names = boards.map((board) => board.name).filter(Boolean).join(", ");
  element("title").textContent = world ? `World: ${names}` : names || "Espalier";
  document.title = `${names} – Espalier`;
  boards.forEach((board) => { board.find(".board-name").classList.toggle("unseen", !world); });
}

function clock(state) {
  const kind = state.halted ? "halted" : state.running ? "running" : "paused";
  element("pill").className = `pill ${kind}`;
  if (element("pill").textContent !== kind) element("pill").textContent = kind;
  element("time").textContent = `${state.time.toFixed(3)} s`;
  element("run").textContent = state.running ? "Pause" : "Run";
  element("run").disabled = Boolean(state.halted);
  element("step").disabled = Boolean(state.halted);
  element("fast").setAttribute("aria-pressed", String(state.fast));
  if (state.halted) notice(`Halted: ${state.halted}. A reset starts the board again.`);
}

element("run").addEventListener("click", () => enqueue(0, { do: boards[0]?.state?.running ? "stop" : "cont" }));
element("step").addEventListener("click", () => enqueue(0, { do: "step", milliseconds: 1 }));
element("fast").addEventListener("click", () => enqueue(0, { do: "fast", on: element("fast").getAttribute("aria-pressed") !== "true" }));

// A key with the name of a button presses that button, unless something is typed.
function named(event) {
  const typing = event.target.closest?.("input, select, textarea, .terminal");
  if (typing || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return null;
  return [...document.querySelectorAll(".keys .key")].find((key) => key.dataset.part.toLowerCase() === event.key.toLowerCase());
}
document.addEventListener("keydown", (event) => named(event)?.press.down());
document.addEventListener("keyup", (event) => named(event)?.press.up());
const letGo = () => document.querySelectorAll(".key").forEach((key) => key.press.up());
addEventListener("blur", letGo);
addEventListener("pagehide", letGo);

function draw() {
  boards.forEach((board) => board.drawWaves());
  requestAnimationFrame(draw);
}

const page = {
  hello(hello) {
    world = hello.world;
    // What was shown is told anew.
    element("boards").replaceChildren();
    boards.length = 0;
    hello.boards.forEach((name, place) => boards.push(new Board(place, name)));
    notice("");
  },
  board(news) { boards[news.place]?.take(news); },
  gone(text, pill = "gone") {
    element("pill").className = "pill gone";
    element("pill").textContent = pill;
    notice(text);
  },
};

// Shows the boards that `leads` leads to.
function show(leads) {
  carrier = leads;
  carrier.open(page);
  requestAnimationFrame(draw);
}
