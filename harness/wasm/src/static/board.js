// A board of the emulator: what the module of WebAssembly exports, as methods. It works in pages, in workers and in Node.
"use strict";

class EspalierBoard {
  // `module` is the content of espalier.wasm.
  static async load(module) {
    const { instance } = await WebAssembly.instantiate(module, {});
    return new EspalierBoard(instance.exports);
  }

  constructor(functions) {
    this.functions = functions;
    this.decoder = new TextDecoder();
    this.encoder = new TextEncoder();
  }

  // Calls a function with bytes in the buffer, and returns the bytes of the answer. Throws what the board says if it refuses.
  call(name, bytes, ...more) {
    if (bytes) {
      const start = this.functions.espalier_buffer(bytes.length);
      new Uint8Array(this.functions.memory.buffer, start, bytes.length).set(bytes);
    }
    const answer = this.functions[`espalier_${name}`](...(bytes ? [bytes.length] : []), ...more);
    const length = answer < 0 ? -1 - answer : answer;
    // Making the buffer as long as its content leaves it as it is. Memory that has grown is another object.
    const start = this.functions.espalier_buffer(length);
    const told = new Uint8Array(this.functions.memory.buffer, start, length).slice();
    if (answer < 0) throw new Error(this.decoder.decode(told));
    return told;
  }

  text(bytes) { return this.decoder.decode(bytes); }

  // Starts a board: its name or the text of its file, the name of the firmware's file, and the firmware or a snapshot as bytes.
  start(board, name = "", firmware = new Uint8Array()) {
    const [first, second] = [this.encoder.encode(board), this.encoder.encode(name)];
    const bytes = new Uint8Array(first.length + second.length + firmware.length);
    bytes.set(first);
    bytes.set(second, first.length);
    bytes.set(firmware, first.length + second.length);
    this.call("start", bytes, first.length, second.length);
  }

  // Runs it for so many microseconds of its time.
  run(microseconds) { this.call("run", null, microseconds); }

  // Returns what has changed since the last look.
  look() { return JSON.parse(this.text(this.call("look", null))); }

  // Does something with the board, such as { do: "press", part: "a" }, or with its peer, such as { peer: "listen", port: 5001 }.
  act(action) { return JSON.parse(this.text(this.call("act", this.encoder.encode(JSON.stringify(action))))); }

  // Returns the output of a UART, as bytes.
  console(uart = 0) { return this.call("console", null, uart); }

  // Returns the picture on a display: { width, height, pixels } with four bytes for each pixel.
  screen(display = "") {
    const told = this.call("screen", this.encoder.encode(display));
    const size = new DataView(told.buffer);
    return { width: size.getUint32(0, true), height: size.getUint32(4, true), pixels: new Uint8ClampedArray(told.buffer, 8) };
  }

  // Returns a file that is made of the board.
  file(name) { return this.call("export", null, ["network.pcap", "air.pcap", "pins.vcd", "board.espalier"].indexOf(name)); }
}

if (typeof module !== "undefined") module.exports = { EspalierBoard };
