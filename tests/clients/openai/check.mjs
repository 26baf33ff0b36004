// npm's openai against a server of the tiny model: node check.mjs URL. Ends with 0 if all is as the client expects.
import assert from "node:assert/strict";
import OpenAI, { APIError, BadRequestError, NotFoundError } from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "unused", maxRetries: 0 });
const messages = [{ role: "system", content: "Answer with SQL." }, { role: "user", content: "How many users are there?" }];
const ask = { model: "tiny", messages, max_tokens: 8, temperature: 0 };

const models = await client.models.list();
assert.equal(models.data[0].id, "tiny");
assert.equal((await client.models.retrieve("tiny")).object, "model");

const whole = await client.chat.completions.create(ask);
const text = whole.choices[0].message.content;
assert.ok(text.length > 0);
assert.equal(whole.usage.completion_tokens, 8);
assert.ok(whole._request_id);

// Plain streams.
let streamed = "", usage = null;
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
    streamed += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
}
assert.equal(streamed, text);
assert.equal(usage.total_tokens, whole.usage.total_tokens);

// The helper is strict: it wants a role first and a reason last, of each choice.
const helper = client.chat.completions.stream({ ...ask, n: 2, seed: 5, temperature: 1.2, logprobs: true, top_logprobs: 2 });
let deltas = "";
helper.on("content.delta", event => { deltas += event.delta; });
const final = await helper.finalChatCompletion();
assert.equal(final.choices.length, 2);
assert.ok(final.choices.every(choice => choice.finish_reason === "length" || choice.finish_reason === "stop"));
assert.equal(final.choices[0].logprobs.content.length, 8);
assert.equal(final.choices[0].logprobs.content[0].top_logprobs.length, 2);
assert.ok(deltas.length > 0);

// Texts.
const continued = await client.completions.create({ model: "tiny", prompt: ["SELECT", "FROM"], max_tokens: 4, temperature: 0, logprobs: 1 });
assert.equal(continued.choices.length, 2);
let pieces = "";
for await (const piece of await client.completions.create({ model: "tiny", prompt: "SELECT", max_tokens: 4, temperature: 0, stream: true }))
    pieces += piece.choices[0].text;
assert.equal(pieces, continued.choices[0].text);

// Answers in a form.
const schema = {
    type: "object", additionalProperties: false, required: ["kind", "size", "tags"],
    properties: {
        kind: { type: "string", enum: ["cat", "dog"] }, size: { type: "integer", minimum: 1, maximum: 20 },
        tags: { type: "array", items: { type: "string", maxLength: 8 }, maxItems: 2 },
    },
};
const formed = await client.chat.completions.parse({
    ...ask, max_tokens: 150, response_format: { type: "json_schema", json_schema: { name: "pet", strict: true, schema } } });
assert.equal(formed.choices[0].finish_reason, "stop");
const pet = formed.choices[0].message.parsed;
assert.deepEqual(Object.keys(pet), ["kind", "size", "tags"]);
assert.ok(["cat", "dog"].includes(pet.kind) && Number.isInteger(pet.size) && pet.size >= 1 && pet.size <= 20 && pet.tags.length <= 2);

// Errors.
await assert.rejects(client.chat.completions.create({ ...ask, model: "gpt-4o" }),
    error => error instanceof NotFoundError && error.code === "model_not_found" && error.param === "model");
await assert.rejects(client.chat.completions.create({ ...ask, top_p: 2 }),
    error => error instanceof BadRequestError && error.param === "top_p" && /top_p: expected/.test(error.message));
await assert.rejects(client.chat.completions.create({ ...ask, response_format: { type: "xml" } }),
    error => error instanceof APIError && error.param === "response_format");
await assert.rejects(client.embeddings.create({ model: "tiny", input: "x" }), NotFoundError);

// One who leaves.
const left = await client.chat.completions.create({ ...ask, max_tokens: 200, stream: true });
for await (const _ of left) break;
assert.equal((await client.chat.completions.create(ask)).choices[0].message.content, text);
console.log("done");
