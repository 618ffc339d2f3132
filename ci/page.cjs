// The page of a board as a person sees and uses it, for ci/check-page and ci/check-board-page.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");

const GOLDENS = path.join(__dirname, "../fixtures/goldens/page");
const PATIENCE = 60_000; // milliseconds of host time for anything
const bless = process.argv.includes("--bless");

// Shows on the OLED whether button A is pressed, and lights the first LED while it is.
const PROGRAM = [
  "import framebuf, neopixel",
  "from machine import Pin, I2C",
  "i = I2C(0, scl=Pin(22), sda=Pin(23), freq=400000); a = Pin(0, Pin.IN); p = neopixel.NeoPixel(Pin(17), 3)",
  "b = bytearray(1024); f = framebuf.FrameBuffer(b, 128, 64, framebuf.MONO_VLSB)",
  "c = lambda *v: [i.writeto(0x3C, bytes([0, x])) for x in v]",
  "s = lambda t: (f.fill(0), f.rect(0, 0, 128, 64, 1), f.text(t, 8, 28), [(c(0xB0 + r, 0x02, 0x10), i.writeto(0x3C, b'\\x40' + b[r * 128:r * 128 + 128])) for r in range(8)])",
  "c(0xAE, 0xD3, 0, 0x40, 0xA1, 0xC8, 0xDA, 0x12, 0x8D, 0x14, 0xAF)",
  "z = __import__('machine').PWM(Pin(16), freq=440, duty=0)",
  "n = None",
  "print('\\x1b[32mlooping\\x1b[0m')",
];
const LOOP = "while 1: v = a.value(); x = v != n and (s('ready' if v else 'A is pressed'), p.__setitem__(0, (0 if v else 40, 0, 0)), p.write(), z.duty(0 if v else 512)); n = v";

// The lit dots of a PNG that shows so many dots in each direction: the middle of each.
function dots(page, file, width, height) {
  return page.evaluate(async ({ data, width, height }) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const rows = [];
    for (let y = 0; y < height; y += 1) {
      let row = "";
      for (let x = 0; x < width; x += 1) {
        const [red, green, blue] = context.getImageData(Math.floor(((x + 0.5) * image.width) / width), Math.floor(((y + 0.5) * image.height) / height), 1, 1).data;
        row += red + green + blue > 300 ? "#" : ".";
      }
      rows.push(row);
    }
    return rows.join("\n") + "\n";
  }, { data: file.toString("base64"), width, height });
}

// The lit dots of the display as a person sees it, out of a screenshot.
async function shown(page, name) {
  return dots(page, await page.locator(`canvas[data-name="${name}"]`).screenshot(), 128, 64);
}

// Waits until the display is as in the golden: one of this page, or one of the tutorial's application, which is a PNG file.
async function compare(page, name) {
  const [file, picture] = [path.join(GOLDENS, `${name}.txt`), path.join(GOLDENS, `../app/${name}.png`)];
  if (bless && !fs.existsSync(picture)) {
    await page.waitForTimeout(500);
    fs.mkdirSync(GOLDENS, { recursive: true });
    fs.writeFileSync(file, await shown(page, "display"));
    return;
  }
  const expected = fs.existsSync(picture) ? await dots(page, fs.readFileSync(picture), 128, 64) : fs.readFileSync(file, "utf8");
  // A picture that is being drawn is taken again.
  const deadline = Date.now() + PATIENCE;
  for (let now = await shown(page, "display"); now !== expected; now = await shown(page, "display")) {
    if (Date.now() > deadline) throw new Error(`the display is not as in the golden ${name}:\n${now}`);
    await page.waitForTimeout(100);
  }
}

const told = (page, selector) => page.locator(selector).first().textContent();
const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: PATIENCE });

async function type(page, line) {
  await page.locator(".board .console form.line input").first().fill(line);
  await page.locator(".board .console form.line button").first().click();
}

// The standards that axe checks: WCAG 2.2 at level AA, and its own advice.
const STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// Nothing that axe finds wrong, as a phone and a desktop show it, in the light and in the dark.
async function accessible(page) {
  const before = page.viewportSize();
  await page.evaluate(AXE);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      const wrong = await page.evaluate(async (standards) => (await axe.run(document, { runOnly: standards })).violations
        .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`), STANDARDS);
      assert.equal(wrong.length, 0, `${colorScheme}, ${width} wide:\n${wrong.join("\n")}`);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

// Everything that can be used has a name, and axe agrees.
async function named(page) {
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, select, summary, canvas, [role=log]")]
    .filter((node) => node.checkVisibility() && !node.getAttribute("aria-label") && !node.textContent.trim() && !node.closest("label")?.textContent.trim())
    .map((node) => node.outerHTML));
  assert.deepEqual(nameless, []);
  await accessible(page);
}

// Nothing is wider than the window, whatever its width.
async function narrow(page) {
  for (const width of [320, 390, 768, 1280, 1600]) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0, `at ${width}`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

module.exports = { LOOP, PATIENCE, PROGRAM, accessible, compare, named, narrow, shown, told, type, until };
