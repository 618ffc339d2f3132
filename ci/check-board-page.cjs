// What ci/check-board-page does with the page of a board that runs in the browser; see there.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { LOOP, PATIENCE, PROGRAM, compare, named, narrow, told, type, until } = require("./page.cjs");

const FOLDER = process.env.FOLDER;
const KINDS = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".wasm": "application/wasm" };
const pictures = process.argv.includes("--pictures") ? process.argv[process.argv.indexOf("--pictures") + 1] : null;

// Any web server: it knows files and nothing else.
function serve() {
  const server = http.createServer((request, response) => {
    const name = path.basename(new URL(request.url, "http://localhost").pathname) || "index.html";
    const file = path.join(FOLDER, name);
    if (!fs.existsSync(file)) { response.writeHead(404).end(); return; }
    response.writeHead(200, { "Content-Type": KINDS[path.extname(name)] || "application/octet-stream" });
    fs.createReadStream(file).pipe(response);
  });
  return new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server)));
}

const logged = (page, text) => until(page, (text) => [...document.querySelectorAll(".connection pre")].some((talk) => talk.textContent.includes(text)), text);
const printed = (page, text) => until(page, (text) => document.querySelector(".terminal")?.textContent.includes(text), text);
const choose = (page, ...files) => page.locator("#firmware").setInputFiles(files);

async function say(page, text) {
  const last = page.locator(".connection form:visible").last();
  await last.getByRole("textbox").fill(text);
  await last.getByRole("button", { name: "Send" }).click();
}

const checks = {
  async "the tutorial runs at first sight"(page) {
    await printed(page, "@event address");
    await compare(page, "idle");
  },

  async "the phone is the server: the board's client greets, and shows what it is sent"(page) {
    await page.getByRole("button", { name: "The phone is the server" }).click();
    await logged(page, "< hello mPython,I am TCP Client");
    await compare(page, "client-connected");
    await say(page, "Hello, OLED!");
    await logged(page, "< Hello, OLED!");
    await compare(page, "client-received-ascii");
    await say(page, "你好,掌控板!");
    await logged(page, "< 你好,掌控板!");
    await compare(page, "client-received-chinese");
    await page.locator(".connection form:visible").last().getByRole("button", { name: "Close" }).click();
    await compare(page, "client-closed");
    await page.locator(".connection form:visible").waitFor({ state: "detached" });
  },

  async "the phone is the client: the board's server shows what it is sent"(page) {
    await page.getByRole("button", { name: "The phone is the client" }).click();
    await page.locator(".connection form:visible").waitFor();
    await say(page, "Hello, server!");
    await logged(page, "< Hello, server!");
    await compare(page, "server-received");
    await page.locator(".connection form:visible").last().getByRole("button", { name: "Close" }).click();
  },

  async "time stands still, goes on by steps, and runs as fast as it can"(page) {
    await page.getByRole("button", { name: "Pause" }).click();
    await until(page, () => document.getElementById("pill").textContent === "paused");
    const before = parseFloat(await told(page, "#time"));
    await page.getByRole("button", { name: /^Step/ }).click();
    await until(page, (before) => { const passed = parseFloat(document.getElementById("time").textContent) - before; return passed > 0.0009 && passed < 0.0021; }, before);
    await page.getByRole("button", { name: "Fast" }).click();
    await page.getByRole("button", { name: "Run" }).click();
    await until(page, (before) => parseFloat(document.getElementById("time").textContent) > before + 5, before);
    await page.getByRole("button", { name: "Fast" }).click();
  },

  async "everything that can be used has a name, and nothing is wider than the window"(page) {
    await named(page);
    await narrow(page);
  },

  async "a snapshot is downloaded, and goes on after it is given to the page"(page) {
    await page.locator("summary").first().click();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Snapshot of the board" }).click();
    const content = fs.readFileSync(await (await download).path());
    await page.getByRole("button", { name: "Reset" }).first().click();
    await page.getByRole("button", { name: "Clear" }).first().click();
    await choose(page, { name: "board.espalier", mimeType: "application/octet-stream", buffer: content });
    await page.locator(".address").filter({ hasText: "10.0.2" }).waitFor();
    // It has its address without having started.
    assert.ok(!(await told(page, ".terminal")).includes("rst:"));
  },

  async "a board file of one's own, and a fault in it is told"(page) {
    const board = (text) => ({ name: "mine.toml", mimeType: "text/plain", buffer: Buffer.from(text) });
    await choose(page, board('name = "mine"\nextends = "esp32-devkit"\n[[part]]\nkind = "buton"\ngpio = 0\n'));
    await page.getByRole("alert").getByText(/mine|board\.toml/).waitFor();
    await choose(page, board('name = "mine"\nextends = "esp32-devkit"\n[[part]]\nkind = "button"\nname = "start"\ngpio = 4\n'));
    await page.getByRole("button", { name: "Button start" }).waitFor();
    // Networks around the board are those of its file.
    await choose(page, board('name = "mine"\nextends = "esp32-devkit"\n[[access-point]]\nssid = "workshop"\npassword = "12345678"\n'));
    await page.getByRole("button", { name: "Take away workshop" }).click();
    await page.getByRole("button", { name: "Give back workshop" }).click();
    await page.getByRole("button", { name: "Take away workshop" }).waitFor();
    await page.getByRole("button", { name: "Cut the Ethernet cable" }).click();
    await page.getByRole("button", { name: "Put back the Ethernet cable" }).waitFor();
  },

  async "what is no firmware is refused, and the tutorial comes back"(page) {
    await choose(page, { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") });
    await page.getByRole("alert").getByText("notes.txt is not firmware").waitFor();
    await page.getByRole("button", { name: "The tutorial again" }).click();
    await printed(page, "@event address");
  },

  async "MicroPython, a button, the display and an LED"(page) {
    if (!fs.existsSync(process.env.IMAGE)) {
      console.log("WARNING: without MicroPython's image no button was pressed");
      return;
    }
    // High enough for the button and the display at once: the bar at the top would hide a part of a display that is scrolled.
    await page.setViewportSize({ width: 1280, height: 1800 });
    await choose(page, process.env.IMAGE);
    await printed(page, ">>>");
    for (const line of PROGRAM) await type(page, line);
    await until(page, () => [...document.querySelectorAll(".terminal span")].some((span) => span.textContent === "looping" && span.style.color));
    await type(page, LOOP);
    await page.locator(".terminal").first().focus();
    await page.keyboard.press("Enter");
    await compare(page, "ready");
    await page.getByRole("button", { name: "Button a" }).hover();
    await page.mouse.down();
    await compare(page, "pressed");
    await until(page, () => document.querySelector(".led").getAttribute("aria-label") === "LED 1: red 40, green 0, blue 0");
    await page.mouse.up();
    await compare(page, "ready");
  },
};

async function main() {
  const server = await serve();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  try {
    const address = `http://127.0.0.1:${server.address().port}/`;
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const faults = [], elsewhere = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("request", (request) => !/^(data|blob):/.test(request.url()) && !request.url().startsWith(address) && elsewhere.push(request.url()));
    await page.goto(address);
    for (const [name, check] of Object.entries(checks)) {
      const start = Date.now();
      await check(page);
      console.log(`ok  ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
      if (pictures && name.startsWith("the phone")) await photograph(page, name.includes("server:") ? "server" : "client");
    }
    assert.deepEqual(faults, [], "the page has faults");
    assert.deepEqual(elsewhere, [], "the page asks other hosts");
  } finally {
    await browser.close();
    server.close();
  }
}

async function photograph(page, role) {
  fs.mkdirSync(pictures, { recursive: true });
  for (const [name, width, height, colorScheme] of [["light", 1280, 1000, "light"], ["dark", 1280, 1000, "dark"], ["phone", 390, 844, "light"]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(300);
    await page.screenshot({ path: path.join(pictures, `${role}-${name}.png`), fullPage: true });
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize({ width: 1280, height: 900 });
}

main().catch((error) => { console.error(error); process.exit(1); });
