// A training report in a real browser: node check.mjs CHROMIUM FILE [FOLDER for screenshots]. Ends with "done" if all is as a reader expects.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , executablePath, file, screenshots] = process.argv;
const url = pathToFileURL(file).href;
const isRoot = process.getuid?.() === 0;
const browser = await chromium.launch({ executablePath, args: isRoot ? ["--no-sandbox"] : [] });

// A page with what must not happen: errors of the console, and requests other than that of the file itself.
async function open(width, colorScheme) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.faults = [];
    page.on("console", (message) => message.type() === "log" || page.faults.push(message.text()));
    page.on("pageerror", (error) => page.faults.push(error.message));
    page.on("request", (request) => request.url() === url || request.url().startsWith("data:") || page.faults.push(request.url()));
    page.on("dialog", (dialog) => { page.faults.push(dialog.message()); dialog.dismiss(); });
    await page.goto(url);
    return page;
}

// How many pixels of each chart are drawn, and whether the colours of its lines are among them.
const drawn = (page) => page.evaluate(() => JSON.parse(document.getElementById("curve-data").textContent).curves.map((curve) => {
    const canvas = document.querySelector(`#${curve.id} canvas`);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const data = JSON.parse(document.getElementById("curve-data").textContent);
    const missing = curve.lines.filter((line) => {
        const color = getComputedStyle(document.querySelector("." + data.runs[line.run].mark)).color.match(/\d+/g).map(Number);
        for (let i = 0; i < pixels.length; i += 4)
            if (pixels[i + 3] > 250 && color.every((part, k) => Math.abs(pixels[i + k] - part) < 8)) return false;
        return true;
    }).map((line) => data.runs[line.run].name);
    return { id: curve.id, width: canvas.clientWidth, missing };
}));

// The lowest contrast between a text and what is behind it (WCAG 2.2, 1.4.3).
const contrast = (page) => page.evaluate(() => {
    const parts = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const light = (color) => color.slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
    function behind(element) {
        for (let at = element; at; at = at.parentElement) {
            const color = parts(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    }
    let lowest = { ratio: 21 };
    for (const element of document.querySelectorAll("body *")) {
        const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!hasText && element.tagName !== "line" || element.closest("script, style, noscript")) continue;
        const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < lowest.ratio) lowest = { ratio, text: element.textContent, tag: element.tagName };
    }
    return lowest;
});

for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [360, "light"], [360, "dark"]]) {
    const page = await open(width, scheme);
    const charts = await drawn(page);
    assert.ok(charts.length >= 3, "charts");
    for (const chart of charts) {
        assert.deepEqual(chart.missing, [], `${chart.id} draws all runs, ${width} pixels wide, ${scheme}`);
        assert.ok(chart.width > 0.6 * Math.min(width, 500), `${chart.id} is ${chart.width} pixels wide`);
    }
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `no horizontal scroll at ${width}`);
    const lowest = await contrast(page);
    assert.ok(lowest.ratio >= 4.5, `contrast, ${scheme}: ${JSON.stringify(lowest)}`);
    if (screenshots) await page.screenshot({ path: `${screenshots}/${scheme}-${width}.png`, fullPage: true });
    assert.deepEqual(page.faults, []);
    await page.close();
}

// Keys alone: the first stop skips the navigation, the switch is a stop, and arrows move through a chart.
const page = await open(1280, "light");
const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
await page.keyboard.press("Tab");
assert.equal(await focused(), "skip");
for (let i = 0; i < 20 && await focused() !== "theme"; i++) await page.keyboard.press("Tab");
assert.equal(await focused(), "theme");
assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const before = await background();
await page.keyboard.press("Enter");
assert.notEqual(await background(), before);
assert.equal(await page.getAttribute("#theme", "aria-pressed"), "true");
assert.deepEqual((await drawn(page)).flatMap((chart) => chart.missing), [], "charts have the colours of the theme");
await page.keyboard.press("Enter");
assert.equal(await background(), before);
for (let i = 0; i < 60 && await focused() !== "plot"; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.classList.contains("plot"))) break;
}
await page.keyboard.press("Home");
await page.keyboard.press("ArrowRight");
const readout = await page.evaluate(() => document.activeElement.nextElementSibling.textContent);
assert.match(readout, /^step \d+: .+ -?\d/);

// What a screen reader is told.
const structure = await page.evaluate(() => ({
    landmarks: ["header", "nav", "main"].filter((name) => document.querySelectorAll(`body > ${name}`).length !== 1),
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].map((heading) => +heading.tagName[1]),
    ids: [...document.querySelectorAll("[id]")].map((element) => element.id),
    tables: [...document.querySelectorAll("table")].filter((table) => !table.caption || !table.querySelector("th[scope=col]")).length,
    references: [...document.querySelectorAll("[aria-labelledby], [aria-describedby]")]
        .flatMap((element) => [element.getAttribute("aria-labelledby"), element.getAttribute("aria-describedby")])
        .filter((id) => id && !document.getElementById(id)),
    without: [...document.querySelectorAll(".plot")].filter((plot) => !plot.closest("figure").querySelector("details table")).length,
}));
assert.deepEqual(structure.landmarks, []);
assert.equal(structure.headings.filter((level) => level === 1).length, 1);
assert.ok(structure.headings.every((level, i) => i === 0 || level <= structure.headings[i - 1] + 1), "no level of headings is left out");
assert.equal(new Set(structure.ids).size, structure.ids.length, "ids are unique");
assert.deepEqual([structure.tables, structure.without, structure.references], [0, 0, []]);
assert.deepEqual(page.faults, []);

// The page's policy holds: what a text from a run might have smuggled in neither loads nor runs.
const blocked = await page.evaluate(() => new Promise((resolve) => {
    const found = [];
    document.addEventListener("securitypolicyviolation", (event) => {
        found.push(event.effectiveDirective);
        if (found.length === 2) resolve(found.sort());
    });
    document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/pixel" }));
    document.body.append(Object.assign(document.createElement("script"), { text: "window.ran = true" }));
    setTimeout(() => resolve(found), 5000);
}));
assert.deepEqual(blocked, ["img-src", "script-src-elem"]);
assert.equal(await page.evaluate(() => window.ran), undefined);
await page.close();

// On paper.
const paper = await open(1280, "dark");
const pdf = await paper.pdf({ format: "A4", path: screenshots ? `${screenshots}/report.pdf` : undefined });
assert.ok(pdf.length > 10_000);
assert.deepEqual(paper.faults, []);
await browser.close();
console.log("done");
