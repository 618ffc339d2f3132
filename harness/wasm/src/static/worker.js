// Runs the board beside the page: this clock decides how far the board runs, and nothing else of it.
"use strict";

importScripts("board.js");

const PIECE = 2000; // microseconds of board time between two looks at this clock
const BUDGET = 25; // milliseconds of this clock after which messages are looked at
const LAG = 200; // milliseconds of board time that are made up for at most
const PERIOD = 33; // milliseconds between two looks at the board

let board = null;
let run = 0; // number of the start that made it
let state = {};
let owed = 0; // microseconds of board time
let before = 0;
let looked = 0;

function look() {
  looked = performance.now();
  const news = board.look();
  if (news.state) state = news.state;
  if (Object.keys(news).length) postMessage({ news, run });
}

function turn() {
  if (board && state.running !== false) {
    const start = performance.now();
    owed = Math.min(owed + (start - before) * 1000, LAG * 1000);
    before = start;
    while ((state.fast || owed >= PIECE) && performance.now() - start < BUDGET) {
      board.run(PIECE);
      owed = Math.max(0, owed - PIECE);
    }
  }
  if (board && performance.now() - looked >= PERIOD) look();
  setTimeout(turn, state.fast && state.running ? 0 : 5);
}

const requests = {
  async start({ module, run: wantedRun, board: wanted, name, firmware }) {
    board = null;
    // A module for each board: its memory never becomes smaller.
    const fresh = await EspalierBoard.load(module);
    fresh.start(wanted, name, firmware);
    [board, run, state, owed, before] = [fresh, wantedRun, {}, 0, performance.now()];
    look();
  },
  act({ action }) {
    if (!board) throw new Error("There is no board yet.");
    const told = board.act(action);
    if (action.do === "cont") before = performance.now();
    look();
    return told;
  },
  file({ name, display, uart }) {
    if (!board) throw new Error("There is no board yet.");
    if (name === "console") return board.console(uart || 0);
    if (name !== "screen.png") return board.file(name);
    return Uint8Array.from(atob(board.act({ do: "screen", display }).png), (character) => character.charCodeAt(0));
  },
};

addEventListener("message", async ({ data: { id, request, ...what } }) => {
  try {
    postMessage({ id, answer: await requests[request](what) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
});
turn();
