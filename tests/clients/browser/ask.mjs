// The page of 'lapidary serve --database pets.csv' in a real browser: node ask.mjs CHROMIUM URL SQL [FOLDER for screenshots], where SQL is what the
// model answers to each question. Ends with "done" if all is as its users expect.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [, , executablePath, url, taught, screenshots] = process.argv;
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });

// A user, with what must not happen: errors of the console other than a refused query, dialogs, and requests to elsewhere.
async function open(width, colorScheme) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.faults = [];
    page.on("console", (message) => message.type() === "log" || message.text().includes("status of 400") || page.faults.push(message.text()));
    page.on("pageerror", (error) => page.faults.push(error.message));
    page.on("request", (request) => request.url().startsWith(url) || request.url().startsWith("blob:") || page.faults.push(request.url()));
    page.on("dialog", (dialog) => { page.faults.push(dialog.message()); dialog.dismiss(); });
    await page.goto(url);
    await page.waitForFunction(() => document.getElementById("schema").textContent.includes("CREATE TABLE pets"));
    return page;
}

const says = (page, part) => page.waitForFunction(
    (text) => document.getElementById("status").textContent.includes(text), part, { timeout: 60_000 });

async function run(page, sql, expected) {
    await page.fill("#sql", sql);
    await page.press("#sql", "Control+Enter");
    await says(page, expected);
}

const cells = (page) => page.$$eval("#result tbody td", (all) => all.map((cell) => cell.textContent));
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

// A question, by keys alone: the field has the focus.
const page = await open(1280, "light");
await page.keyboard.type("How many pets are there?");
await page.keyboard.press("Enter");
await says(page, "1 row in");
assert.equal(await page.inputValue("#sql"), taught);
assert.deepEqual(await cells(page), ["3"]);

// The SQL edited: rows, bars, a file.
await run(page, "SELECT name, LENGTH(name) AS letters FROM pets ORDER BY name", "3 rows in");
assert.deepEqual(await cells(page), ["Jerry", "5", "Rex", "3", "Tom", "3"]);
assert.equal(await page.locator("#chart .bar").count(), 3);
if (screenshots) await page.screenshot({ path: `${screenshots}/ask-light-1280.png`, fullPage: true });
const [file] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
assert.equal(readFileSync(await file.path(), "utf8"), "name,letters\nJerry,5\nRex,3\nTom,3\n");

// What is hostile stays text, or is refused.
await run(page, "SELECT '<img src=x onerror=alert(1)>' AS \"<script>alert(2)</script>\"", "1 row in");
assert.deepEqual(await cells(page), ["<img src=x onerror=alert(1)>"]);
for (const sql of ["DROP TABLE pets", "ATTACH '/tmp/x.db' AS x", "PRAGMA writable_schema = 1", "INSERT INTO pets VALUES (1, 2)"])
    await run(page, sql, "only queries run"), await run(page, "SELECT 1", "1 row in");

// Many columns and many rows: the page stays as wide as the window, and says where rows were left.
await run(page, "SELECT " + Array.from({ length: 300 }, (_, i) => `${i} AS column_${i}`).join(", "), "1 row in");
assert.ok(await fits(page), "300 columns scroll in their box");
await run(page, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i FROM n", "1000 rows and more");

// A query without end: another user is answered meanwhile, and Stop ends it.
await run(page, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n", "The query runs");
const other = await open(360, "dark");
await other.fill("#question", "How many pets are there?");
await other.press("#question", "Enter");
await says(other, "1 row in");
assert.deepEqual(await cells(other), ["3"]);
assert.ok(await fits(other), "no horizontal scroll at 360");
if (screenshots) await other.screenshot({ path: `${screenshots}/ask-dark-360.png`, fullPage: true });
assert.equal(await page.textContent("#status"), "The query runs …");
await page.click("#stop");
await says(page, "Stopped.");
await run(page, "SELECT COUNT(*) FROM pets", "1 row in");

// Earlier questions come back.
await page.locator("#history button").last().click();
assert.equal(await page.inputValue("#question"), "How many pets are there?");
assert.equal(await page.inputValue("#sql"), taught);

assert.deepEqual([page.faults, other.faults], [[], []]);
await browser.close();
console.log("done");
