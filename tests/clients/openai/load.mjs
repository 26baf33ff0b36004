// A load on 'lapidary serve': callers that each ask one question after the other. Requests per second and latencies, as JSON.
// Usage: node load.mjs URL/v1 ROWS.jsonl CALLERS MAX_TOKENS, where a row has "messages", of which the first is asked.
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const [url, rows, callers, most] = process.argv.slice(2);
const questions = readFileSync(rows, "utf8").trim().split("\n").map((line) => JSON.parse(line).messages[0]);
const client = new OpenAI({ baseURL: url, apiKey: "unused", maxRetries: 0, timeout: 600_000 });
const model = (await client.models.list()).data[0].id;
const whole = [], first = [];
let next = 0, tokens = 0;

async function caller() {
    while (next < questions.length) {
        const message = questions[next++], start = performance.now();
        const stream = await client.chat.completions.create({
            model, messages: [message], stream: true, stream_options: { include_usage: true }, temperature: 0, max_tokens: +most });
        let isFirst = true;
        for await (const piece of stream) {
            if (isFirst && piece.choices[0]?.delta.content) isFirst = false, first.push(performance.now() - start);
            tokens += piece.usage?.completion_tokens ?? 0;
        }
        whole.push(performance.now() - start);
    }
}

const start = performance.now();
await Promise.all(Array.from({ length: +callers }, caller));
const seconds = (performance.now() - start) / 1000;
const at = (values, share) => Math.round(values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))]);
console.log(JSON.stringify({
    requests_per_second: questions.length / seconds, tokens_per_second: tokens / seconds,
    first_token_ms: { p50: at(first, 0.5), p99: at(first, 0.99) }, whole_ms: { p50: at(whole, 0.5), p99: at(whole, 0.99) } }));
