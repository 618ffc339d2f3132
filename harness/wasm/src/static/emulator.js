// The page without a server: the board runs in this browser, and this carries actions to it and brings news of it. It also has what a served
// board has elsewhere: the firmware to choose, and buttons for the tutorial.
"use strict";

{
  const BOARD = "mpython";
  const TUTORIAL = "tutorial-esp32.bin";
  const PORT = 5001; // of the tutorial
  const PATIENCE = 20; // seconds of board time in which the tutorial's program has to answer

  const worker = new Worker("worker.js");
  const waiting = new Map();
  let page = null;
  let number = 0;
  let module = null;
  let run = 0; // number of the last start
  let chosen = { board: BOARD, name: TUTORIAL, firmware: null };

  function ask(request, what) {
    number += 1;
    return new Promise((done, failed) => {
      waiting.set(number, { done, failed });
      worker.postMessage({ id: number, request, ...what });
    });
  }

  const news = new Set(); // Functions that see all news.
  worker.addEventListener("message", ({ data }) => {
    if (data.news) {
      // The board before this one may have had a last word.
      if (data.run !== run) return;
      page.board({ place: 0, ...data.news });
      news.forEach((see) => see(data.news));
      return;
    }
    const { done, failed } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) failed(new Error(data.error));
    else done(data.answer);
  });
  // A fault of the emulator itself: the module traps, and its board is no more.
  worker.addEventListener("error", (event) => page.gone(`The emulator has stopped: ${event.message}`));

  async function bytes(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path} is not there (${answer.status})`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  async function start() {
    try {
      notice("");
      element("emulator-state").textContent = "Starting…";
      module ||= await bytes("espalier.wasm");
      chosen.firmware ||= await bytes(TUTORIAL);
      // Drawn anew, before there is news of it.
      page.hello({ world: false, boards: [chosen.boardName || chosen.board] });
      // Beside what the tutorial's buttons do, and not behind the pins.
      boards[0].find(".console").before(boards[0].find(".peer"));
      boards[0].find(".peer-port input").value = PORT;
      run += 1;
      await ask("start", { module, run, ...chosen });
      element("emulator-state").textContent = `${chosen.name} on ${chosen.boardName || chosen.board}`;
      element("tutorial").hidden = chosen.name !== TUTORIAL;
    } catch (error) {
      element("emulator-state").textContent = "";
      page.gone(error.message);
    }
  }

  // A snapshot goes on on its own board, so another board needs other firmware.
  function leaveSnapshot() {
    if (chosen.name.endsWith(".espalier")) Object.assign(chosen, { name: TUTORIAL, firmware: null });
  }

  async function take(files) {
    for (const file of files) {
      if (file.name.endsWith(".toml")) {
        leaveSnapshot();
        Object.assign(chosen, { board: await file.text(), boardName: file.name.replace(/\.toml$/, "") });
        element("board-file").textContent = file.name;
        element("board-name").value = "";
      } else {
        Object.assign(chosen, { name: file.name, firmware: new Uint8Array(await file.arrayBuffer()) });
      }
    }
    if (files.length) start();
  }

  element("firmware").addEventListener("change", (event) => take([...event.target.files]));
  element("board-name").addEventListener("change", (event) => {
    leaveSnapshot();
    Object.assign(chosen, { board: event.target.value, boardName: null });
    element("board-file").textContent = "";
    start();
  });
  element("first").addEventListener("click", () => {
    chosen = { board: BOARD, name: TUTORIAL, firmware: null };
    element("board-name").value = BOARD;
    element("board-file").textContent = "";
    start();
  });
  addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dragged"); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dragged"); });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragged");
    take([...event.dataTransfer.files]);
  });

  // ---- the tutorial: the peer is a phone ----

  let peer = { address: "", listening: [] };
  news.add((told) => { if (told.peer) peer = told.peer; });

  // Waits for a text on the console, from now on.
  function said(pattern) {
    return new Promise((done, failed) => {
      let text = "";
      const start = boards[0].time;
      const see = ({ consoles = [], state }) => {
        for (const one of consoles) if (one.uart === 0) text += one.text;
        const late = state && state.time > start + PATIENCE;
        if (!pattern.test(text) && !late) return;
        news.delete(see);
        if (late) failed(new Error(`The board did not say ${pattern.source} within ${PATIENCE} s of its time.`));
        else done();
      };
      news.add(see);
    });
  }

  async function play(steps) {
    element("play-server").disabled = element("play-client").disabled = true;
    try { await steps(); } catch (error) { notice(error.message); }
    element("play-server").disabled = element("play-client").disabled = false;
  }

  // The two programs of the tutorial. Its firmware takes lines on the console for them.
  element("play-server").addEventListener("click", () => play(async () => {
    if (!peer.listening.includes(PORT) && !await act(0, { do: "listen", port: PORT })) return;
    await enqueue(0, { do: "send", text: `client ${peer.address} ${PORT}\r` });
  }));
  element("play-client").addEventListener("click", () => play(async () => {
    const listens = said(/@event listening/);
    await enqueue(0, { do: "send", text: `server ${PORT}\r` });
    await listens;
    await act(0, { do: "connect", port: PORT });
  }));

  // ---- what the page wants of whatever has its boards ----

  async function download(path, more, name) {
    try {
      const content = await ask("file", { name: path, ...more });
      const link = make("a", { href: URL.createObjectURL(new Blob([content])), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (error) { notice(error.message); }
  }

  show({
    act: (place, action) => ask("act", { action }),
    file: (path, place, more, name) => ({ href: "#", onclick: (event) => { event.preventDefault(); download(path, more, name); } }),
    open(opened) { page = opened; start(); },
  });
}
