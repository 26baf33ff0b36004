// llama.cpp, through npm's node-llama-cpp, reads a GGUF file: token ids of texts, and the probabilities after each of some tokens.
// Usage: node check.mjs request.json answer.json, with {"gguf": path, "texts": [...], "ids": [[...], ...]} in the first file.
import { readFileSync, writeFileSync } from "node:fs";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const request = JSON.parse(readFileSync(process.argv[2], "utf8"));
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: request.gguf });
const answer = { tokens: [], special: [], positions: [] };
for (const text of request.texts) {
    answer.tokens.push([...model.tokenize(text, false)].map(Number));
    answer.special.push([...model.tokenize(text, true)].map(Number));
}

for (const ids of request.ids) {
    const context = await model.createContext({
        contextSize: 256, sequences: 1, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" });
    const sequence = context.getSequence();
    const output = await sequence.controlledEvaluate(
        ids.map((id) => [id, { generateNext: { probabilities: true } }]));
    answer.positions.push(output.map((at) => [...at.next.probabilities].map(([token, p]) => [Number(token), p])));
    await context.dispose();
}

answer.bos = Number(model.tokens.bos);
answer.eos = Number(model.tokens.eos);
answer.template = model.fileInfo.metadata.tokenizer.chat_template ?? null;
writeFileSync(process.argv[3], JSON.stringify(answer));
process.exit(0); // llama.cpp's threads would keep the process
