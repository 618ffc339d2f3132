// What ci/check-page does with the page of a served board; see there.
"use strict";

const assert = require("node:assert");
const { spawn, spawnSync, execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { LOOP, PATIENCE, PROGRAM, accessible, compare, named, narrow, told, type, until } = require("./page.cjs");

const pictures = process.argv.includes("--pictures") ? process.argv[process.argv.indexOf("--pictures") + 1] : null;

class Served {
  static async start(...arguments_) {
    const served = new Served();
    served.process = spawn(process.env.ESPALIER, ["serve", ...arguments_], { stdio: ["ignore", "pipe", "inherit"] });
    served.address = await new Promise((found, failed) => {
      let text = "";
      served.process.stdout.on("data", (data) => {
        text += data;
        const line = /http:\/\/\S+\?token=\S+/.exec(text);
        if (line) found(line[0]);
      });
      served.process.on("exit", (code) => failed(new Error(`the board ended with ${code}`)));
    });
    return served;
  }

  stop() { this.process.kill("SIGINT"); }
}

const checks = {
  async "the firmware's prompt appears, and what is typed reaches it"(page) {
    await until(page, () => document.querySelector(".terminal").textContent.includes(">>>"));
    for (const line of PROGRAM) await type(page, line);
    await until(page, () => [...document.querySelectorAll(".terminal span")].some((span) => span.textContent === "looping" && span.style.color));
    // Keys go to the board, too; a line of its own ends the loop's body.
    await type(page, LOOP);
    await page.locator(".terminal").first().focus();
    await page.keyboard.press("Enter");
    await compare(page, "ready");
  },

  async "button A changes the display and the LED, by mouse, keyboard and its letter"(page) {
    const key = page.getByRole("button", { name: "Button a" });
    const led = page.getByRole("img", { name: /^LED 1/ });
    const ways = {
      mouse: [async () => { await key.hover(); await page.mouse.down(); }, () => page.mouse.up()],
      space: [async () => { await key.focus(); await page.keyboard.down("Space"); }, () => page.keyboard.up("Space")],
      letter: [async () => { await page.locator("h1").click(); await page.keyboard.down("a"); }, () => page.keyboard.up("a")],
    };
    for (const [press, release] of Object.values(ways)) {
      await press();
      await compare(page, "pressed");
      await until(page, () => document.querySelector(".led").getAttribute("aria-label") === "LED 1: red 40, green 0, blue 0");
      assert.equal(await key.getAttribute("aria-pressed"), "true");
      await release();
      await compare(page, "ready");
    }
    await until(page, () => document.querySelector(".led").getAttribute("aria-label") === "LED 1: red 0, green 0, blue 0");
    await led.waitFor();
  },

  async "a click that is over at once is noticed"(page) {
    // The board sees it for 50 ms. On a busy host the page may be told of what is before and after only, so there are several.
    await page.evaluate(() => {
      const leds = document.querySelector(".leds");
      window.lit = 0;
      new MutationObserver(() => { window.lit += leds.querySelector(".led").getAttribute("aria-label").includes("red 40"); }).observe(leds, { childList: true, subtree: true, attributes: true });
    });
    for (let clicks = 0; clicks < 20 && !(await page.evaluate(() => window.lit)); clicks++) {
      await page.getByRole("button", { name: "Button a" }).click();
      await page.waitForFunction(() => window.lit, null, { timeout: 2000 }).catch(() => {});
    }
    assert(await page.evaluate(() => window.lit), "no click is seen");
    await compare(page, "ready");
  },

  async "the tone of the buzzer is told and can be heard"(page) {
    const key = page.getByRole("button", { name: "Button a" }), listen = page.getByRole("button", { name: "Listen" }).first();
    await listen.click();
    assert.equal(await listen.getAttribute("aria-pressed"), "true");
    await key.hover();
    await page.mouse.down();
    await until(page, () => /^440\.\d Hz, A4$/.test(document.querySelector(".playing").textContent));
    await until(page, () => Math.abs(boards[0].sound.oscillator.frequency.value - 440) < 1 && boards[0].sound.gain.gain.value > 0);
    await page.mouse.up();
    await until(page, () => document.querySelector(".playing").textContent === "silent" && boards[0].sound.gain.gain.value === 0);
    await listen.click();
  },

  async "time stands still, goes on by steps, and runs"(page) {
    await page.getByRole("button", { name: "Pause" }).click();
    await until(page, () => document.getElementById("pill").textContent === "paused");
    const before = parseFloat(await told(page, "#time"));
    await page.getByRole("button", { name: /^Step/ }).click();
    await until(page, (before) => { const passed = parseFloat(document.getElementById("time").textContent) - before; return passed > 0.0009 && passed < 0.0021; }, before);
    await page.getByRole("button", { name: "Fast" }).click();
    await page.getByRole("button", { name: "Run" }).click();
    await until(page, (before) => parseFloat(document.getElementById("time").textContent) > before + 1, before);
    await page.getByRole("button", { name: "Fast" }).click();
  },

  async "sensors are set by sliders, touch pads by a finger, pins show a waveform"(page) {
    const slider = page.getByRole("slider", { name: "light, level" });
    await slider.focus();
    for (let n = 0; n < 5; n += 1) await page.keyboard.press("ArrowRight");
    await until(page, () => document.querySelector('[data-part="light"]').closest(".property").querySelector("output").textContent === "0.05");
    const pad = page.getByRole("button", { name: "Touch pad P" });
    await pad.hover();
    await page.mouse.down();
    await until(page, () => document.querySelector('[data-part="P"]').getAttribute("aria-pressed") === "true");
    await page.mouse.up();
    await page.getByRole("button", { name: /^GPIO 0 / }).click();
    await page.getByRole("img", { name: "Waveform of GPIO 0" }).waitFor();
    await page.getByRole("button", { name: "GPIO 0: low", exact: true }).click();
    await compare(page, "pressed");
    await page.getByRole("button", { name: "GPIO 0: released" }).click();
    await compare(page, "ready");
  },

  async "the cable is cut and put back, a network is taken away and given back"(page) {
    const state = () => page.evaluate(async () => (await act(0, { do: "state" })));
    const told = (text) => until(page, (text) => [...document.querySelectorAll(".networks li")].some((row) => row.textContent.includes(text)), text);
    await told("workshop");
    await page.getByRole("button", { name: "Cut the Ethernet cable" }).click();
    await told("Ethernet cablecut");
    assert.equal((await state()).cable.cut, true);
    await page.getByRole("button", { name: "Put back the Ethernet cable" }).click();
    await told("Ethernet cableplugged in");
    assert.equal((await state()).cable.cut, false);
    const before = (await state()).networks;
    assert.equal(before[0].ssid, "workshop");
    await page.getByRole("button", { name: "Take away workshop" }).click();
    await told("taken away");
    assert.equal((await state()).networks[0].away, true);
    await page.getByRole("button", { name: "Give back workshop" }).click();
    await page.getByRole("button", { name: "Take away workshop" }).waitFor();
    assert.deepEqual((await state()).networks, before);
  },

  "everything that can be used has a name": named,

  async "files are downloaded"(page) {
    await page.locator("summary").first().click();
    for (const [link, start] of [["Network, pcap", [0x4d, 0x3c, 0xb2, 0xa1]], ["Snapshot of the board", [...Buffer.from("ESPWORLD")]], ["Picture of display", [0x89, 0x50]], ["Pins that are recorded, VCD", [...Buffer.from("$timescale")]], ["Console, text", [...Buffer.from("ets ")]]]) {
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: link }).click();
      const file = fs.readFileSync(await (await download).path());
      assert.deepEqual([...file.subarray(0, start.length)], start, link);
    }
    await page.locator("h1").click();
  },

  "nothing is wider than the window": narrow,

  async "a reset starts the board again"(page) {
    await page.getByRole("button", { name: "Clear" }).first().click();
    await page.getByRole("button", { name: "Reset" }).first().click();
    await until(page, () => document.querySelector(".terminal").textContent.includes("rst:0x1"));
    await until(page, () => document.querySelector(".terminal").textContent.includes(">>>"));
  },

  async "an address without the token shows nothing"(page, served) {
    await page.goto(served.address.replace(/token=.*/, ""));
    await page.getByRole("alert").getByText("lacks the token").waitFor();
    const status = await page.evaluate(async () => (await fetch("console")).status);
    assert.equal(status, 403);
  },
};

// Two boards of the tutorial in one world.
const WORLD = ["left", "right"].map((name) => `[[board]]\nname = "${name}"\nmodel = "mpython"\nfirmware = ${JSON.stringify(path.resolve("fixtures/firmware/tutorial-esp32.bin"))}\n`).join("");

const worldChecks = {
  async "each board of a world has its consoles, and what it says to the peer"(page) {
    const board = (name) => page.getByRole("region", { name: `Board ${name}` });
    const shows = (name, selector, text) => board(name).locator(selector).filter({ hasText: text }).first().waitFor();
    for (const name of ["left", "right"]) {
      await shows(name, ".terminal", "@event address");
      assert.equal(await board(name).getByRole("tab", { name: /^UART/ }).count(), 3);
    }
    const peer = await board("left").locator(".peer-address").textContent();
    await board("left").getByRole("spinbutton", { name: "Port", exact: true }).fill("5001");
    await board("left").getByRole("button", { name: "Listen", exact: true }).last().click();
    await shows("right", ".listening", "Listens on 5001.");
    await board("right").getByRole("textbox", { name: "Line for the board" }).fill(`client ${peer} 5001`);
    await board("right").getByRole("button", { name: "Send" }).first().click();
    await shows("right", ".connection pre", "< hello mPython,I am TCP Client");
    assert.equal(await board("left").locator(".connection").count(), 0);
    await board("right").getByRole("textbox", { name: /^Text for the board/ }).fill("Hello, OLED!");
    await board("right").locator(".connection").getByRole("button", { name: "Send" }).click();
    await shows("right", ".connection pre", "< Hello, OLED!");
  },

  async "a button of one board is not one of the other"(page) {
    const key = (name) => page.getByRole("region", { name: `Board ${name}` }).getByRole("button", { name: "Button a" });
    await key("left").hover();
    await page.mouse.down();
    const pin = (place) => page.evaluate(async (place) => (await act(place, { do: "pin", gpio: 0 })).level, place);
    assert.deepEqual([await pin(0), await pin(1)], [0, 1]);
    await page.mouse.up();
  },

  "everything that can be used has a name": named,
  "nothing is wider than the window": narrow,
};

// Opens the page of a served board, and does these checks on it.
async function visit(browser, served, checks, each = async () => {}) {
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && !message.text().includes("403") && faults.push(message.text()));
    await page.goto(served.address);
    for (const [name, check] of Object.entries(checks)) {
      const start = Date.now();
      await check(page, served);
      console.log(`ok  ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
      await each(name);
    }
    assert.deepEqual(faults, [], "the page has faults");
    await context.close();
  } finally {
    served.stop();
  }
}

// The page that a failure leaves behind: whole without a network, and at every width.
async function visitFailure(browser, folder) {
  const firmware = JSON.stringify(path.resolve("fixtures/firmware/tutorial-esp32.bin"));
  fs.writeFileSync(path.join(folder, "fails.yaml"), `board: mpython\nfirmware: ${firmware}\nsteps:\n  - expect: "@event address "\n  - { expect: the moon, within: 10ms }\n`);
  const ran = spawnSync(path.resolve(process.env.ESPALIER), ["test", "fails.yaml"], { cwd: folder, encoding: "utf8" });
  assert.equal(ran.status, 1, ran.stdout + ran.stderr);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on("request", (request) => assert.match(request.url(), /^(file|data):/));
  await page.goto(`file://${folder}/target/espalier/scenarios/fails/index.html`);
  await page.getByText("the moon").first().waitFor();
  await page.getByText("@event address").first().waitFor();
  await accessible(page);
  await narrow(page);
  await page.close();
  console.log("ok  the page of a failure needs no network, and everyone can read it");
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "espalier-page-"));
  const world = path.join(folder, "world.toml");
  fs.writeFileSync(world, WORLD);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  try {
    const one = await Served.start(process.env.IMAGE, "--board", "mpython", "--access-point", "workshop:12345678");
    await visit(browser, one, checks, async (name) => {
      if (pictures && name.startsWith("everything")) await photograph(browser, one.address);
    });
    await visit(browser, await Served.start("--world", world), worldChecks);
    await visitFailure(browser, folder);
  } finally {
    await browser.close();
    fs.rmSync(folder, { recursive: true });
  }
}

async function photograph(browser, address) {
  fs.mkdirSync(pictures, { recursive: true });
  for (const [name, width, height, colorScheme] of [["desktop-light", 1280, 900, "light"], ["desktop-dark", 1280, 900, "dark"], ["wide-dark", 1700, 1000, "dark"], ["phone-light", 390, 844, "light"], ["phone-dark", 390, 844, "dark"]]) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, deviceScaleFactor: width < 400 ? 2 : 1 });
    const page = await context.newPage();
    await page.goto(address);
    await page.waitForSelector("canvas[data-name]", { timeout: PATIENCE });
    await page.waitForTimeout(800);
    await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
    await context.close();
  }
}

main().catch((error) => { console.error(error); process.exit(1); });
